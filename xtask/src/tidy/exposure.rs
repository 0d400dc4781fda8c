//! Types of core that hold a secret derive nothing that shows, copies or compares it.

use syn::visit::Visit;

use super::source::Source;

const FOLDER: &str = "crates/passsafe-core";
const HOLDERS: [&str; 8] =
    ["Secret", "SecretText", "Passphrase", "RecordKey", "Seed", "Token", "Key", "WorkMemory"];
const FORBIDDEN: [&str; 10] = [
    "Clone",
    "Copy",
    "Debug",
    "Display",
    "Eq",
    "Hash",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Serialize",
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|file| file.crate_folder() == FOLDER && file.is_in_src()) {
        let Ok(file) = syn::parse_file(&source.text) else { continue };
        let mut derives = Derives { source, findings: &mut findings };
        derives.visit_file(&file);
    }
    findings
}

struct Derives<'a> {
    source: &'a Source,
    findings: &'a mut Vec<String>,
}

impl Derives<'_> {
    fn judge(&mut self, name: &syn::Ident, attributes: &[syn::Attribute]) {
        if !HOLDERS.iter().any(|holder| name == holder) {
            return;
        }
        for list in attributes.iter().filter_map(|attribute| attribute.meta.require_list().ok()) {
            // `cfg_attr` nests its derive, so all tokens count whatever their depth.
            if !list.path.is_ident("derive") && !list.path.is_ident("cfg_attr") {
                continue;
            }
            let text = list.tokens.to_string();
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for word in words.filter(|word| FORBIDDEN.contains(word)) {
                let message = format!("`{name}` holds a secret and may not derive `{word}`");
                self.findings.push(self.source.finding(name.span().start().line, &message));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Derives<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.judge(&item.ident, &item.attrs);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.judge(&item.ident, &item.attrs);
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    fn findings(text: &str) -> usize {
        check(&[source("crates/passsafe-core/src/a.rs", text)]).len()
    }

    #[test]
    fn a_derive_that_shows_copies_or_compares_is_found() {
        for holder in HOLDERS {
            for derive in FORBIDDEN {
                let text = format!("#[derive({derive})] pub struct {holder}([u8; 6]);");
                assert_eq!(findings(&text), 1, "{text}");
            }
        }
        for text in [
            "#[derive(Default, std::fmt::Debug)] struct Key(u8);",
            "#[cfg_attr(test, derive(Debug))] enum Token { A }",
            "mod inner { #[derive(Debug)] pub(super) struct Seed; }",
            "fn f() { #[derive(Debug)] struct Secret; }",
        ] {
            assert_eq!(findings(text), 1, "{text}");
        }
    }

    #[test]
    fn other_derives_and_other_types_are_not() {
        for text in [
            "#[derive(ZeroizeOnDrop)] pub struct Seed([u8; 20]);",
            "#[derive(Debug)] pub struct TokenError;",
            "/// Debug\n#[doc = \"Debug\"] pub struct Key;",
        ] {
            assert_eq!(findings(text), 0, "{text}");
        }
    }
}
