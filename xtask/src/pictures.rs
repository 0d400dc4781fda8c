//! The pictures of `docs/pictures`, recorded from real runs: a session at two terminals, and
//! what goes over the wire.
//!
//! Every run has another passphrase and another token, so no check can compare. What it can
//! say is that a committed picture is well-formed, needs nothing from elsewhere, tells a screen
//! reader what it shows, and shows a safe that was gone before the picture was written.

mod flow;
mod session;
mod sheet;
mod svg;
mod wire;

use std::fs;

use anyhow::{Context as _, ensure};
use roxmltree::{Document, Node};

use crate::binary;
use crate::repository::Repository;

const FOLDER: &str = "docs/pictures";
/// What each must show, so that none is empty: of the session, also its end.
const PICTURES: [(&str, &[&str]); 2] = [
    ("session.svg", &["passphrase", "token", "Passphrase:", "Ctrl-C", "the safe is gone"]),
    ("flow.svg", &["POST /v1/secret", "200 OK", "401 Unauthorized", "423 Locked", "ciphertext"]),
];
/// Elements that pictures are made of. Links, scripts and foreign content are none of them.
const ELEMENTS: [&str; 14] = [
    "svg", "title", "desc", "style", "g", "rect", "circle", "line", "path", "text", "tspan",
    "defs", "marker", "polygon",
];
/// Fonts that every system has under these names; the last of a list is a generic one.
const FONTS: [&str; 8] = [
    "ui-monospace",
    "SFMono-Regular",
    "Menlo",
    "Consolas",
    "monospace",
    "system-ui",
    "Helvetica",
    "sans-serif",
];

/// Records all pictures and writes them.
pub(crate) fn record(repository: &Repository) -> anyhow::Result<()> {
    let binary = binary::debug(repository)?;
    fs::create_dir_all(repository.path(FOLDER))?;
    let session = session::record(repository, &binary).context("the session")?;
    let exchanges = wire::record(&binary).context("the exchange")?;
    for (name, text) in [("session.svg", session), ("flow.svg", flow::draw(&exchanges)?)] {
        let path = format!("{FOLDER}/{name}");
        judge(name, &text)?;
        fs::write(repository.path(&path), &text).with_context(|| format!("cannot write {path}"))?;
        println!("{path}: {} bytes", text.len());
    }
    Ok(())
}

/// Judges the committed pictures.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    for (name, _) in PICTURES {
        let path = format!("{FOLDER}/{name}");
        let text = fs::read_to_string(repository.path(&path))
            .with_context(|| format!("{path}: `cargo xtask pictures` records it"))?;
        judge(name, &text).with_context(|| path)?;
    }
    Ok(())
}

fn judge(name: &str, text: &str) -> anyhow::Result<()> {
    let document = Document::parse(text).context("is no XML")?;
    let root = document.root_element();
    ensure!(root.tag_name().name() == "svg", "is no SVG");
    for required in ["title", "desc"] {
        let found = root.children().find(|it| it.tag_name().name() == required);
        let words = found.and_then(|it| it.text()).unwrap_or_default();
        ensure!(words.len() > 10, "has no <{required}> for who cannot see it");
    }
    for node in root.descendants().filter(Node::is_element) {
        let element = node.tag_name().name();
        ensure!(ELEMENTS.contains(&element), "contains <{element}>");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            ensure!(!key.starts_with("on") && key != "href", "<{element}> has {key}");
            ensure!(!value.contains("url(") || value.starts_with("url(#"), "{key}=\"{value}\"");
        }
    }
    let style: String = texts(root, "style").collect();
    for fetched in ["@import", "@font-face", "url(", "http"] {
        ensure!(!style.contains(fetched), "its style has {fetched}");
    }
    for fonts in style.split("font-family:").skip(1) {
        let fonts: Vec<&str> =
            fonts.split([';', '}']).next().unwrap_or_default().split(',').map(str::trim).collect();
        ensure!(fonts.iter().all(|font| FONTS.contains(font)), "other fonts: {fonts:?}");
        ensure!(fonts.last().is_some_and(|last| last.ends_with("serif") || *last == "monospace"));
    }
    let shown: Vec<&str> = texts(root, "text").collect();
    let shown = shown.join("\n");
    let words = PICTURES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, it)| it);
    for word in words {
        ensure!(shown.contains(word), "does not show {word:?}");
    }
    Ok(())
}

/// The text of every element of that name, in their order.
fn texts<'a>(root: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = &'a str> {
    root.descendants()
        .filter(move |node| {
            node.is_text() && node.ancestors().any(|it| it.tag_name().name() == name)
        })
        .filter_map(|node| node.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><title>A good picture</title>\
        <desc>It shows a word.</desc><style>text{font-family:Menlo,monospace}</style>\
        <text>a</text></svg>";

    #[test]
    fn a_picture_needs_nothing_from_elsewhere_and_says_what_it_is() {
        judge("any", GOOD).unwrap();
        for (good, bad) in [
            ("</svg>", ""),
            ("<title>A good picture</title>", ""),
            ("<desc>It shows a word.</desc>", ""),
            ("<text>a</text>", "<script>a</script>"),
            ("<text>a</text>", "<image href=\"https://example.com/a.png\"/>"),
            ("<text>a</text>", "<text onclick=\"a\">a</text>"),
            ("<text>a</text>", "<text fill=\"url(https://example.com)\">a</text>"),
            ("text{", "@import 'a';text{"),
            ("Menlo,", "Papyrus,"),
            (",monospace", ""),
        ] {
            let text = GOOD.replacen(good, bad, 1);
            assert!(judge("any", &text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_session_without_its_end_is_no_picture() {
        assert!(judge("session.svg", GOOD).is_err());
    }
}
