//! A paragraph of a document is whole: it begins like a sentence, ends like one, and its
//! brackets are closed. Paragraphs that a merge has torn apart are not.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What is wrong with the paragraphs of `text`, in their order.
pub(super) fn check(shown: &str, text: &str) -> Vec<String> {
    let finding = |paragraph: &Paragraph| {
        let what = judge(paragraph)?;
        let start: String = paragraph.text.chars().take(40).collect();
        Some(format!("{shown}: a paragraph {what}: {start:?} …"))
    };
    paragraphs(text).iter().filter_map(finding).collect()
}

/// A paragraph outside lists and tables, with `X` in place of code and pictures.
#[derive(Default)]
struct Paragraph {
    text: String,
    /// Whether a sentence may go on from a block of code or a list, and into one.
    goes_on: bool,
    leads_on: bool,
}

fn paragraphs(text: &str) -> Vec<Paragraph> {
    let mut all: Vec<Paragraph> = Vec::new();
    let (mut lists, mut pictures) = (0_usize, 0_usize);
    let (mut inside, mut after_block) = (false, false);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        let current = all.last_mut().filter(|_| inside);
        match (event, current) {
            (Event::Start(Tag::CodeBlock(_) | Tag::List(_)), None) if lists == 0 => {
                if let Some(before) = all.last_mut().filter(|_| !after_block) {
                    before.leads_on = true;
                }
                (lists, after_block) = (1, true);
            }
            (Event::Start(Tag::List(_)), None) => lists += 1,
            (Event::End(TagEnd::CodeBlock), None) if lists == 1 => lists = 0,
            (Event::End(TagEnd::List(_)), None) => lists -= 1,
            (Event::Start(Tag::Paragraph), None) if lists == 0 => {
                all.push(Paragraph { goes_on: after_block, ..Paragraph::default() });
                (inside, after_block) = (true, false);
            }
            (Event::Start(Tag::Heading { .. }), None) => after_block = false,
            (Event::End(TagEnd::Paragraph), Some(_)) => inside = false,
            (Event::Start(Tag::Image { .. }), Some(it)) => {
                it.text.push('X');
                pictures += 1;
            }
            (Event::End(TagEnd::Image), Some(_)) => pictures -= 1,
            (Event::Text(text), Some(it)) if pictures == 0 => it.text.push_str(&text),
            (Event::Code(_), Some(it)) => it.text.push('X'),
            (Event::SoftBreak | Event::HardBreak, Some(it)) => it.text.push(' '),
            _ => {}
        }
    }
    all
}

fn judge(paragraph: &Paragraph) -> Option<&'static str> {
    let Paragraph { text, goes_on, leads_on } = paragraph;
    // The name of the program is written small.
    let small =
        text.starts_with(|first: char| first.is_lowercase()) && !text.starts_with("passsafe");
    if small && !goes_on {
        return Some("begins in the middle of a sentence");
    }
    if !leads_on && !text.trim_end().ends_with(['.', ':', '?', '!', ')', 'X', '"', '…']) {
        return Some("ends in the middle of a sentence");
    }
    let mut open = 0_usize;
    for letter in text.chars() {
        match letter {
            '(' => open += 1,
            ')' if open == 0 => return Some("closes a bracket that it did not open"),
            ')' => open -= 1,
            _ => {}
        }
    }
    (open > 0).then_some("leaves a bracket open")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_that_were_laid_into_each_other_are_found() {
        let torn = "Usage errors: another scheme (`https` included: it has no\nOr `unix:///PATH`: a \
                    path.\n\nTLS of its own).\n\nNo proxy, no\n**Whose it is.** Anybody's.\n\n\
                    proxy variables, no\n";
        assert_eq!(
            check("p.md", torn),
            [
                "p.md: a paragraph leaves a bracket open: \"Usage errors: another scheme (X included\" …",
                "p.md: a paragraph closes a bracket that it did not open: \"TLS of its own).\" …",
                "p.md: a paragraph begins in the middle of a sentence: \"proxy variables, no\" …",
            ]
        );
        assert_eq!(
            check("p.md", "It has no\n\nNext.\n"),
            ["p.md: a paragraph ends in the middle of a sentence: \"It has no\" …"]
        );
    }

    #[test]
    fn whole_paragraphs_code_lists_and_tables_pass() {
        let whole = "# title\n\nA `b(` c (d).\n\n- item\n\n  in it\n\n| a | b |\n|---|---|\n| (c | d |\n\n\
                     It runs\n\n```sh\nlow (\n```\n\nwhich ends. \n\nAs follows:\n";
        assert_eq!(check("w.md", whole), [""; 0]);
    }
}
