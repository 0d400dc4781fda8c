//! The code blocks of a Markdown text.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

pub(super) struct Block {
    /// What stands behind the opening fence.
    pub(super) language: String,
    pub(super) code: String,
    /// Of the fence.
    pub(super) line: usize,
    /// The paragraphs before and behind it.
    pub(super) beside: String,
}

/// All that are fenced. An indented block is text that keeps its lines.
pub(super) fn all(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut paragraph, mut follows, mut inside) = (String::new(), false, false);
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                let line = text.get(..range.start).unwrap_or_default().lines().count() + 1;
                let language = language.to_string();
                blocks.push(Block {
                    language,
                    code: String::new(),
                    line,
                    beside: paragraph.clone(),
                });
                inside = true;
            }
            Event::End(TagEnd::CodeBlock) => {
                inside = false;
                follows = true;
                paragraph.clear();
            }
            Event::Text(code) if inside => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(&code);
                }
            }
            Event::Start(Tag::Paragraph | Tag::Heading { .. }) => paragraph.clear(),
            Event::Text(words) | Event::Code(words) => paragraph.push_str(&words),
            Event::SoftBreak | Event::HardBreak => paragraph.push(' '),
            Event::End(TagEnd::Paragraph) => {
                if let (true, Some(block)) = (follows, blocks.last_mut()) {
                    block.beside.push('\n');
                    block.beside.push_str(&paragraph);
                }
                follows = false;
            }
            Event::End(TagEnd::Heading(_)) => follows = false,
            _ => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_knows_its_language_its_line_and_what_is_said_beside_it() {
        let text = "# A\n\nBefore,\n*long*.\n\n```rust\nfn a() {}\n```\n\nBehind.\n\nFar.\n\n```\n+--+\n```\n";
        let blocks = all(text);
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].language.as_str(), blocks[0].line), ("rust", 6));
        assert_eq!(blocks[0].code, "fn a() {}\n");
        assert_eq!(blocks[0].beside, "Before, long.\nBehind.");
        assert_eq!((blocks[1].language.as_str(), blocks[1].code.as_str()), ("", "+--+\n"));
        assert_eq!(blocks[1].beside, "Far.");
    }
}
