//! What only one system has stands behind a `cfg` that says so.
//!
//! No compiler here builds for other systems. So the conditions of each file, module, item
//! and statement are worked out for three of them, and a path that one of those lacks may not
//! be written where it would be compiled.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, Token};

use crate::repository::Repository;

const SYSTEMS: [&str; 3] = ["linux", "macos", "windows"];
type Compiled = [bool; 3];

/// Paths below these are there on any Unix: our dependencies by their manifests, the others
/// by the standard library's.
const UNIX: [&str; 6] = ["std::os::unix", "std::os::fd", "rustix", "nix", "signal_hook", "rexpect"];
/// Words of paths that Linux alone has.
const LINUX: [&str; 16] = [
    "std::os::linux",
    "Boottime",
    "DumpableBehavior",
    "LinuxDontDump",
    "MemfdFlags",
    "MlockFlags",
    "SealFlags",
    "fcntl_add_seals",
    "linux_execfn",
    "memfd_create",
    "mlock_with",
    "netlink",
    "pidfd_open",
    "prctl",
    "set_dumpable_behavior",
    "thread::set_name",
];

/// Every crate's binary and library, and the modules of each.
pub(super) fn check(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let crates = fs::read_dir(repository.path("crates"))?.map(|entry| entry.map(|it| it.path()));
    let mut folders = crates.collect::<Result<Vec<_>, _>>()?;
    folders.push(repository.path("xtask"));
    folders.sort();
    for folder in folders {
        for root in ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root)) {
            if root.exists() {
                let below = folder.join("src");
                file(repository, &root, &below, [true; 3], &mut findings)?;
            }
        }
    }
    Ok(findings)
}

fn file(
    repository: &Repository,
    path: &Path,
    folder: &Path,
    compiled: Compiled,
    findings: &mut Vec<String>,
) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let shown = path.strip_prefix(repository.path("")).unwrap_or(path).display().to_string();
    let mut reader = Reader::new(compiled);
    let parsed = syn::parse_file(&text).with_context(|| shown.clone())?;
    reader.within(&parsed.attrs, |reader| visit::visit_file(reader, &parsed));
    findings.extend(reader.findings.iter().map(|(line, what)| format!("{shown}:{line}: {what}")));
    for (name, compiled) in reader.modules {
        let below = folder.join(&name);
        file(repository, &below.with_extension("rs"), &below, compiled, findings)?;
    }
    Ok(())
}

struct Reader {
    compiled: Compiled,
    findings: Vec<(usize, String)>,
    /// Modules in files of their own.
    modules: Vec<(String, Compiled)>,
}

impl Reader {
    fn new(compiled: Compiled) -> Self {
        Self { compiled, findings: Vec::new(), modules: Vec::new() }
    }

    /// Reads what the conditions of `attributes` hold for.
    fn within(&mut self, attributes: &[Attribute], read: impl FnOnce(&mut Self)) {
        let outer = self.compiled;
        for (system, compiled) in SYSTEMS.into_iter().zip(&mut self.compiled) {
            *compiled &= attributes.iter().all(|attribute| holds_for(attribute, system));
        }
        read(self);
        self.compiled = outer;
    }

    fn judge(&mut self, path: &str, line: usize) {
        let [_, macos, windows] = self.compiled;
        let starts = |start: &&str| {
            path.strip_prefix(*start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let has = |word: &&str| format!("::{path}::").contains(&format!("::{word}::"));
        if macos && LINUX.iter().any(has) {
            self.findings.push((line, format!("`{path}` is there on Linux only: no cfg says so")));
        } else if windows && UNIX.iter().any(starts) {
            self.findings.push((line, format!("`{path}` is there on Unix only: no cfg says so")));
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        self.within(crate::api::attributes(item), |reader| match item {
            Item::Mod(module) if module.content.is_none() => {
                if reader.compiled.contains(&true) {
                    reader.modules.push((module.ident.to_string(), reader.compiled));
                }
            }
            Item::Use(import) => {
                for (path, _) in crate::api::imports(&import.tree) {
                    reader.judge(&path.join("::"), import.use_token.span.start().line);
                }
            }
            _ => visit::visit_item(reader, item),
        });
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        self.within(&local.attrs, |reader| visit::visit_local(reader, local));
    }

    fn visit_expr(&mut self, expression: &'ast syn::Expr) {
        let attributes: &[Attribute] = match expression {
            syn::Expr::Block(block) => &block.attrs,
            syn::Expr::Call(call) => &call.attrs,
            syn::Expr::MethodCall(call) => &call.attrs,
            syn::Expr::Assign(assign) => &assign.attrs,
            syn::Expr::If(branch) => &branch.attrs,
            syn::Expr::Return(end) => &end.attrs,
            syn::Expr::Try(question) => &question.attrs,
            _ => &[],
        };
        self.within(attributes, |reader| visit::visit_expr(reader, expression));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.within(&function.attrs, |reader| visit::visit_impl_item_fn(reader, function));
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.within(&field.attrs, |reader| visit::visit_field(reader, field));
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.within(&variant.attrs, |reader| visit::visit_variant(reader, variant));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.within(&arm.attrs, |reader| visit::visit_arm(reader, arm));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        self.judge(&words.join("::"), line);
        visit::visit_path(self, path);
    }
}

/// Whether something with this attribute is compiled for `system`, tests apart.
fn holds_for(attribute: &Attribute, system: &str) -> bool {
    !attribute.path().is_ident("cfg")
        || attribute.parse_args::<Meta>().is_ok_and(|condition| holds(&condition, system))
}

fn holds(condition: &Meta, system: &str) -> bool {
    match condition {
        Meta::Path(path) if path.is_ident("unix") => system != "windows",
        Meta::Path(path) if path.is_ident("windows") => system == "windows",
        Meta::Path(path) => !path.is_ident("test") && !path.is_ident("fuzzing"),
        Meta::NameValue(pair) if pair.path.is_ident("target_os") => {
            matches!(&pair.value, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) if name.value() == system)
        }
        Meta::NameValue(_) => true,
        Meta::List(list) => {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            let inner = list.parse_args_with(parser).unwrap_or_default();
            let mut inner = inner.iter().map(|one| holds(one, system));
            if list.path.is_ident("any") {
                inner.any(|holds| holds)
            } else if list.path.is_ident("not") {
                !inner.any(|holds| holds)
            } else {
                inner.all(|holds| holds)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        let mut reader = Reader::new([true; 3]);
        let parsed = syn::parse_file(text).unwrap();
        reader.within(&parsed.attrs, |reader| visit::visit_file(reader, &parsed));
        reader.findings.len()
    }

    #[test]
    fn what_one_system_has_is_found_without_its_condition() {
        for text in [
            "use std::os::unix::net::UnixStream;",
            "use rustix::fs::{memfd_create, fstat};",
            "fn f() { rustix::process::getpid(); }",
            "#[cfg(unix)] fn f() { rustix::fs::memfd_create(); }",
            "#[cfg(unix)] fn f() { let a = ClockId::Boottime; }",
            "#[cfg(not(windows))] use std::os::linux::fs::MetadataExt;",
            "#[cfg(any(unix, windows))] use std::os::fd::AsFd;",
            "struct A { fd: std::os::fd::OwnedFd }",
            "#[cfg(not(test))] use rustix::net;",
        ] {
            assert!(findings(text) > 0, "{text}");
        }
    }

    #[test]
    fn behind_its_condition_it_is_allowed() {
        for text in [
            "#[cfg(unix)] use std::os::unix::net::UnixStream;",
            "#![cfg(unix)] use rustix::fs::fstat;",
            "#[cfg(target_os = \"linux\")] mod a { use rustix::fs::memfd_create; }",
            "#[cfg(all(unix, not(any(target_os = \"macos\"))))] use rustix::fs::memfd_create;",
            "fn f() { #[cfg(unix)] { rustix::process::getpid(); } }",
            "fn f() { #[cfg(unix)] let a = rustix::process::getpid(); }",
            "struct A { #[cfg(unix)] fd: std::os::fd::OwnedFd }",
            "#[cfg(test)] mod tests { use rustix::fs::memfd_create; }",
            "use std::io; use crate::netlinked;",
        ] {
            assert_eq!(findings(text), 0, "{text}");
        }
    }

    #[test]
    fn a_module_of_its_own_has_the_condition_it_was_declared_with() {
        let mut reader = Reader::new([true; 3]);
        let parsed = syn::parse_file("#[cfg(unix)] mod a; mod b; #[cfg(test)] mod c;").unwrap();
        visit::visit_file(&mut reader, &parsed);
        let modules = [("a".to_owned(), [true, true, false]), ("b".to_owned(), [true; 3])];
        assert_eq!(reader.modules, modules);
    }
}
