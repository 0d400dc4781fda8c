//! Public enums of the libraries can grow, but for those that are listed here.

use syn::visit::{self, Visit};

use super::source::Source;

const LIBRARIES: [&str; 5] = [
    "crates/passsafe-client",
    "crates/passsafe-core",
    "crates/passsafe-heap",
    "crates/passsafe-peer",
    "crates/passsafe-server",
];
/// Enums that programs may match without a rest, because they cannot grow.
const CLOSED: [(&str, &str); 6] = [
    // The two ways a Unix and a TCP connection come in; a third would change every caller.
    ("crates/passsafe-server", "Listener"),
    ("crates/passsafe-server", "SocketMode"),
    // Who matches these decides about access, and must see each answer.
    ("crates/passsafe-peer", "SocketOwner"),
    ("crates/passsafe-peer", "Source"),
    ("crates/passsafe-peer", "Holder"),
    // The answers to one question, which programs give and never read.
    ("crates/passsafe-server", "Decision"),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    // What is for fuzzing only is no interface.
    let in_library = |file: &&Source| {
        file.is_in_src()
            && LIBRARIES.contains(&file.crate_folder())
            && !file.path.ends_with("/src/fuzzing.rs")
    };
    for source in sources.iter().filter(in_library) {
        let Ok(file) = syn::parse_file(&source.text) else { continue };
        Enums { source, findings: &mut findings }.visit_file(&file);
    }
    findings
}

struct Enums<'a> {
    source: &'a Source,
    findings: &'a mut Vec<String>,
}

impl<'ast> Visit<'ast> for Enums<'_> {
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let name = item.ident.to_string();
        // What is `pub` can be reached: the lint `unreachable_pub` sees to that.
        let public = matches!(item.vis, syn::Visibility::Public(_));
        let grows = item.attrs.iter().any(|it| it.path().is_ident("non_exhaustive"));
        if public && !grows && !CLOSED.contains(&(self.source.crate_folder(), name.as_str())) {
            let message = format!("`{name}` is neither #[non_exhaustive] nor listed as closed");
            self.findings.push(self.source.finding(item.ident.span().start().line, &message));
        }
        visit::visit_item_enum(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn a_public_enum_that_cannot_grow_is_found() {
        let findings = |text: &str| check(&[source("crates/passsafe-peer/src/a.rs", text)]).len();
        assert_eq!(findings("pub enum Other { A }"), 1);
        assert_eq!(findings("pub mod b { #[derive(Debug)] pub enum Decision { A } }"), 1);
        assert_eq!(findings("#[non_exhaustive] pub enum Other { A } pub(crate) enum B {}"), 0);
        assert_eq!(findings("pub enum Holder { A }"), 0);
    }
}
