//! A crate's modules as they are written, and what a name in one of them means.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use syn::{Attribute, Item, UseTree};

/// The names of the modules from the root on.
pub(super) type Place = Vec<String>;

/// All modules that users can have: what is compiled for tests or fuzzing only is left out.
pub(super) struct Krate {
    pub(super) modules: BTreeMap<Place, Vec<Item>>,
}

/// What a path leads to.
pub(super) enum Meaning<'a> {
    /// An item and where it is.
    Item(Place, &'a Item),
    /// A module of the crate.
    Module(Place),
    /// Something of another crate.
    Foreign,
}

impl Krate {
    /// Reads the root file and whatever it declares.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut krate = Self { modules: BTreeMap::new() };
        let folder = root.parent().context("a root without a folder")?;
        krate.read_module(root, folder, Place::new())?;
        Ok(krate)
    }

    #[cfg(test)]
    pub(super) fn parse(text: &str) -> Self {
        let mut krate = Self { modules: BTreeMap::new() };
        let items = syn::parse_file(text).unwrap().items;
        krate.insert(items, Path::new("no/such/folder"), Place::new()).unwrap();
        krate
    }

    fn read_module(&mut self, file: &Path, folder: &Path, place: Place) -> anyhow::Result<()> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let items = syn::parse_file(&text).with_context(|| file.display().to_string())?.items;
        self.insert(items, folder, place)
    }

    /// Takes a module's items and goes into those that are modules.
    fn insert(&mut self, items: Vec<Item>, folder: &Path, place: Place) -> anyhow::Result<()> {
        let items: Vec<Item> =
            items.into_iter().filter(|item| !is_for_tests(attributes(item))).collect();
        for item in &items {
            if let Item::Mod(module) = item {
                let name = module.ident.to_string();
                let inner = [&place[..], std::slice::from_ref(&name)].concat();
                let below = folder.join(&name);
                match &module.content {
                    Some((_, items)) => self.insert(items.clone(), &below, inner)?,
                    None => self.read_module(&below.with_extension("rs"), &below, inner)?,
                }
            }
        }
        self.modules.insert(place, items);
        Ok(())
    }

    /// What `path` means when it is written in the module `place`.
    pub(super) fn resolve(&self, place: &[String], path: &[String]) -> Meaning<'_> {
        let Some((first, rest)) = path.split_first() else {
            return Meaning::Module(place.to_vec());
        };
        match first.as_str() {
            "self" => return self.resolve(place, rest),
            "crate" => return self.resolve(&[], rest),
            "super" => return self.resolve(place.split_last().map_or(&[][..], |(_, up)| up), rest),
            _ => {}
        }
        let inner = [place, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&inner) {
            return self.resolve(&inner, rest);
        }
        for item in self.modules.get(place).map_or(&[][..], |items| items) {
            if rest.is_empty() && name(item).as_deref() == Some(first) {
                return Meaning::Item(place.to_vec(), item);
            }
            let Item::Use(import) = item else { continue };
            for (meant, called) in imports(&import.tree) {
                // Of itself: `use super::name` in a module that has no `name` of its own.
                if called == *first && (place, path) != (&[], &meant[..]) {
                    return self.resolve(place, &[&meant[..], rest].concat());
                }
            }
        }
        Meaning::Foreign
    }
}

/// Each path of a `use`, and the name that it gives.
pub(crate) fn imports(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => {
            let first = path.ident.to_string();
            let mut inner = imports(&path.tree);
            for (path, called) in &mut inner {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                    if called == "self" {
                        called.clone_from(&first);
                    }
                }
                path.insert(0, first.clone());
            }
            inner
        }
        UseTree::Name(one) => vec![(vec![one.ident.to_string()], one.ident.to_string())],
        UseTree::Rename(one) => vec![(vec![one.ident.to_string()], one.rename.to_string())],
        UseTree::Group(group) => group.items.iter().flat_map(imports).collect(),
        UseTree::Glob(_) => Vec::new(),
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|condition| condition.is_ident("test") || condition.is_ident("fuzzing"))
    })
}

/// The name that an item brings into its module, other than a module's.
pub(super) fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
