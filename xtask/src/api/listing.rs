//! From a crate's modules to the list of what its users can name.

use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, TraitItem, Type, Visibility};

use super::krate::{Krate, Meaning, Place, attributes, imports, name};

/// The list of a crate, one item a line, its own below it.
pub(super) fn list(crate_name: &str, krate: &Krate) -> String {
    let mut lister = Lister { krate, entries: Vec::new() };
    lister.module(&[], &crate_name.replace('-', "_"));
    lister.entries.sort();
    lister.entries.dedup();
    let head = format!(
        "The public interface of {crate_name}, as it is written in its source.\n\
         `cargo xtask api` writes this file; docs/compatibility.md says what may change when.\n"
    );
    let mut text = head;
    for Entry { path, head, below } in lister.entries {
        text.extend(["\n", &path, "\n    ", &head, "\n"]);
        for line in below {
            text.extend(["    ", &line, "\n"]);
        }
    }
    text
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    path: String,
    head: String,
    below: Vec<String>,
}

struct Lister<'a> {
    krate: &'a Krate,
    entries: Vec<Entry>,
}

impl Lister<'_> {
    /// Lists what a public module has under its public path.
    fn module(&mut self, place: &[String], path: &str) {
        let krate = self.krate;
        for item in krate.modules.get(place).map_or(&[][..], |items| items) {
            match item {
                Item::Mod(inner) if is_public(&inner.vis) => {
                    let name = inner.ident.to_string();
                    let place = [place, std::slice::from_ref(&name)].concat();
                    self.module(&place, &format!("{path}::{name}"));
                }
                Item::Use(import) if is_public(&import.vis) => {
                    for (meant, called) in imports(&import.tree) {
                        let path = format!("{path}::{called}");
                        match krate.resolve(place, &meant) {
                            Meaning::Item(place, item) => self.item(&place, item, path),
                            Meaning::Module(place) => self.module(&place, &path),
                            Meaning::Foreign => {
                                let head = format!("pub use {}", meant.join("::"));
                                self.entries.push(Entry { path, head, below: Vec::new() });
                            }
                        }
                    }
                }
                item => {
                    if let Some(name) = name(item) {
                        self.item(place, item, format!("{path}::{name}"));
                    }
                }
            }
        }
    }

    fn item(&mut self, place: &[String], item: &Item, path: String) {
        let Some((head, mut below)) = describe(item) else { return };
        let conditions = notes(attributes(item));
        below.extend(derived(attributes(item)));
        below.extend(self.implementations(place, &name(item).unwrap_or_default()));
        below.sort();
        self.entries.push(Entry { path, head: conditions + &head, below });
    }

    /// What is implemented, anywhere in the crate, for the type `name` of `place`.
    fn implementations(&self, place: &[String], name: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (module, items) in &self.krate.modules {
            for item in items {
                if let Item::Impl(block) = item
                    && self.is_for(module, block, place, name)
                {
                    lines.extend(members(block));
                }
            }
        }
        lines
    }

    fn is_for(&self, module: &Place, block: &ItemImpl, place: &[String], name: &str) -> bool {
        let mut subject = &*block.self_ty;
        while let Type::Reference(reference) = subject {
            subject = &reference.elem;
        }
        let Type::Path(subject) = subject else { return false };
        let path: Vec<_> =
            subject.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match self.krate.resolve(module, &path) {
            Meaning::Item(found, item) => {
                found == place && super::krate::name(item).as_deref() == Some(name)
            }
            _ => false,
        }
    }
}

/// A public item's first line, and those of its parts.
fn describe(item: &Item) -> Option<(String, Vec<String>)> {
    match item {
        Item::Fn(item) if is_public(&item.vis) => Some((upto(item, &item.block), Vec::new())),
        Item::Const(item) if is_public(&item.vis) => {
            Some((format!("pub const {}: {}", item.ident, text(&item.ty)), Vec::new()))
        }
        Item::Static(item) if is_public(&item.vis) => {
            Some((format!("pub static {}: {}", item.ident, text(&item.ty)), Vec::new()))
        }
        Item::Type(item) if is_public(&item.vis) => Some((text(&bare(item)), Vec::new())),
        Item::Struct(item) if is_public(&item.vis) => {
            let head = format!("pub struct {}{}", item.ident, text(&item.generics));
            Some((head, fields(&item.fields)))
        }
        Item::Enum(item) if is_public(&item.vis) => {
            let head = format!("pub enum {}{}", item.ident, text(&item.generics));
            let variants = item.variants.iter();
            let variants = variants.map(|variant| {
                format!(
                    "{}variant {}{}",
                    notes(&variant.attrs),
                    variant.ident,
                    shape(&variant.fields)
                )
            });
            Some((head, variants.collect()))
        }
        Item::Trait(item) if is_public(&item.vis) => {
            let bounds = match text(&item.supertraits) {
                bounds if bounds.is_empty() => bounds,
                bounds => format!(": {bounds}"),
            };
            let head = format!("pub trait {}{}{bounds}", item.ident, text(&item.generics));
            Some((head, item.items.iter().map(trait_item).collect()))
        }
        _ => None,
    }
}

/// Public fields; that there are others forbids to write the struct out.
fn fields(fields: &Fields) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, field) in fields.iter().enumerate() {
        let name = field.ident.as_ref().map_or(number.to_string(), ToString::to_string);
        if is_public(&field.vis) {
            lines.push(format!("pub {name}: {}", text(&field.ty)));
        }
    }
    if lines.len() < fields.len() {
        lines.push("(private fields)".to_owned());
    }
    lines
}

/// The fields of a variant, all of which are public.
fn shape(fields: &Fields) -> String {
    let line = |field: &syn::Field| match &field.ident {
        Some(name) => format!("{name}: {}", text(&field.ty)),
        None => text(&field.ty),
    };
    let lines = fields.iter().map(line).collect::<Vec<_>>().join(", ");
    match fields {
        Fields::Named(_) => format!(" {{ {lines} }}"),
        Fields::Unnamed(_) => format!("({lines})"),
        Fields::Unit => lines,
    }
}

fn trait_item(item: &TraitItem) -> String {
    match item {
        TraitItem::Fn(function) => {
            let provided = if function.default.is_some() { " { … }" } else { "" };
            format!("{}{provided}", text(&function.sig))
        }
        TraitItem::Const(constant) => format!("const {}: {}", constant.ident, text(&constant.ty)),
        TraitItem::Type(inner) => format!("type {}", inner.ident),
        other => text(other),
    }
}

/// The trait of a block, or each public item of one without.
fn members(block: &ItemImpl) -> Vec<String> {
    let conditions = notes(&block.attrs);
    if let Some((path, _)) = &block.trait_ {
        let generics = text(&block.generics);
        return vec![format!(
            "{conditions}impl{generics} {} for {}",
            text(path),
            text(&block.self_ty)
        )];
    }
    let lines = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) if is_public(&function.vis) => {
            Some(notes(&function.attrs) + &upto(function, &function.block))
        }
        ImplItem::Const(constant) if is_public(&constant.vis) => {
            let notes = notes(&constant.attrs);
            Some(format!("{notes}pub const {}: {}", constant.ident, text(&constant.ty)))
        }
        _ => None,
    });
    lines.map(|line| conditions.clone() + &line).collect()
}

/// A function without its attributes and its body.
fn upto<F: ToTokens + Attributed>(function: &F, body: &syn::Block) -> String {
    let whole = text(&function.without_attributes());
    let body = text(body);
    whole.strip_suffix(&body).unwrap_or(&whole).trim_end().to_owned()
}

trait Attributed: Clone {
    fn without_attributes(&self) -> Self;
}

impl Attributed for syn::ItemFn {
    fn without_attributes(&self) -> Self {
        Self { attrs: Vec::new(), ..self.clone() }
    }
}

impl Attributed for syn::ImplItemFn {
    fn without_attributes(&self) -> Self {
        Self { attrs: Vec::new(), ..self.clone() }
    }
}

fn bare(item: &syn::ItemType) -> syn::ItemType {
    syn::ItemType { attrs: Vec::new(), ..item.clone() }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The attributes that a user of the item must know.
fn notes(attributes: &[Attribute]) -> String {
    const TOLD: [&str; 4] = ["cfg", "non_exhaustive", "deprecated", "must_use"];
    let told = attributes.iter().filter(|attribute| {
        TOLD.iter().any(|name| attribute.path().is_ident(name))
            || attribute.path().is_ident("doc") && text(&attribute.meta).contains("hidden")
    });
    told.map(|attribute| text(attribute) + " ").collect()
}

fn derived(attributes: &[Attribute]) -> Vec<String> {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let _all_parsed = attribute.parse_nested_meta(|one| {
            lines.push(format!("derive {}", text(&one.path)));
            Ok(())
        });
    }
    lines
}

/// As it is written, on one line.
fn text(node: &impl ToTokens) -> String {
    let written = node.span().source_text().unwrap_or_default();
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("( ", "(").replace(", )", ")").replace(",)", ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &str) -> Vec<String> {
        let list = list("a-b", &Krate::parse(source));
        list.lines().skip(3).map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn what_users_can_name_is_listed_and_nothing_else() {
        let source = "
            mod inner {
                /// Says much.
                #[derive(Debug, Clone)]
                #[non_exhaustive]
                pub struct Seen { pub a: u8, b: u8 }
                pub struct Unseen;
                impl Seen {
                    pub fn new(
                        a: u8,
                    ) -> Self { loop {} }
                    fn private() {}
                }
                impl<'a> From<&'a str> for Seen { fn from(_: &'a str) -> Self { loop {} } }
                #[cfg(test)] mod tests { impl super::Seen { pub fn only_in_tests() {} } }
            }
            mod other {
                use super::inner::Seen;
                impl Seen { pub const LIMIT: u8 = 3; }
                impl super::inner::Unseen { pub fn none() {} }
            }
            pub use inner::Seen as Shown;
        ";
        assert_eq!(
            lines(source),
            [
                "a_b::Shown",
                "#[non_exhaustive] pub struct Seen",
                "(private fields)",
                "derive Clone",
                "derive Debug",
                "impl<'a> From<&'a str> for Seen",
                "pub a: u8",
                "pub const LIMIT: u8",
                "pub fn new(a: u8) -> Self"
            ]
        );
    }

    #[test]
    fn types_of_one_name_are_told_apart() {
        let source = "
            pub mod blocking { pub struct Client; impl Client { pub fn one() {} } }
            mod client { pub struct Client; impl Client { pub async fn two() {} } }
            pub use client::Client;
        ";
        assert_eq!(
            lines(source),
            [
                "a_b::Client",
                "pub struct Client",
                "pub async fn two()",
                "",
                "a_b::blocking::Client",
                "pub struct Client",
                "pub fn one()"
            ]
        );
    }

    #[test]
    fn enums_traits_constants_and_other_crates_are_listed() {
        let source = "
            #[cfg(unix)] pub enum E { A, #[doc = \"x\"] B { x: u8 } }
            pub trait T: Send { fn must(&self); fn may(&self) {} }
            pub const N: usize = 3;
            pub use foreign::wire::State;
        ";
        assert_eq!(
            lines(source),
            [
                "a_b::E",
                "#[cfg(unix)] pub enum E",
                "variant A",
                "variant B { x: u8 }",
                "",
                "a_b::N",
                "pub const N: usize",
                "",
                "a_b::State",
                "pub use foreign::wire::State",
                "",
                "a_b::T",
                "pub trait T: Send",
                "fn may(&self) { … }",
                "fn must(&self)"
            ]
        );
    }
}
