//! Renders log and live line as what is sent to a terminal.
//!
//! The live line is the last one, and after it is drawn the cursor stands at its beginning:
//! when the window becomes narrower, the terminal breaks the line, the cursor stays with the
//! first piece, and erasing from there on takes all of them.

/// Erases from the cursor, which stands in the first column, to the end of the screen.
const ERASE: &str = "\r\x1b[J";

/// What stands below the log.
#[derive(Debug, Default)]
pub(super) struct Renderer {
    drawn: Option<String>,
}

impl Renderer {
    /// What to send so that `above` joins the log and `live` stands below it. Nothing, if that
    /// is how it looks already.
    pub(super) fn show(&mut self, above: &str, live: Option<String>) -> String {
        let live = live.filter(|live| !live.is_empty());
        if above.is_empty() && live == self.drawn {
            return String::new();
        }
        let mut text = String::new();
        if self.drawn.is_some() {
            text.push_str(ERASE);
        }
        text.push_str(above);
        if let Some(live) = &live {
            text.push_str(live);
            text.push('\r');
        }
        self.drawn = live;
        text
    }

    /// The live line is out of reach: others have written below it.
    pub(super) fn forget(&mut self) {
        self.drawn = None;
    }

    /// The terminal has another width, or others have used it: all is drawn anew.
    pub(super) fn redraw(&mut self) {
        if let Some(drawn) = &mut self.drawn {
            drawn.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_stays_below_the_log() {
        let mut renderer = Renderer::default();
        let live = |text: &str| Some(text.to_owned());
        assert_eq!(renderer.show("", live("  60 min")), "  60 min\r");
        assert_eq!(renderer.show("", live("  60 min")), "", "nothing has changed");
        assert_eq!(renderer.show("", live("  59 min")), "\r\x1b[J  59 min\r");
        assert_eq!(renderer.show("fetched\n", live("  59 min")), "\r\x1b[Jfetched\n  59 min\r");
        renderer.redraw();
        assert_eq!(renderer.show("", live("  59 min")), "\r\x1b[J  59 min\r");
        assert_eq!(renderer.show("closed\n", None), "\r\x1b[Jclosed\n");
        assert_eq!(renderer.show("more\n", None), "more\n");
    }

    #[test]
    fn without_a_live_line_there_are_no_escapes() {
        let mut renderer = Renderer::default();
        assert_eq!(renderer.show("fetched\n", None), "fetched\n");
        assert_eq!(renderer.show("", Some(String::new())), "");
        assert_eq!(renderer.show("closed\n", None), "closed\n");
    }
}
