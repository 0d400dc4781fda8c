//! What both pictures have in common: the frame, and text that is safe in XML.

use std::fmt::Write as _;

/// Text as it stands between tags.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(letter),
        }
    }
    safe
}

/// A whole picture.
pub(super) fn picture(
    (width, height): (u32, u32),
    (title, description): (&str, &str),
    style: &str,
    body: &str,
) -> String {
    let mut text = String::new();
    let _infallible = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n<style>\n{style}</style>\n\
         {body}</svg>\n",
        escaped(title),
        escaped(description)
    );
    text
}
