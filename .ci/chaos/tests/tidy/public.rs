//! The public functions of a crate, as its sources declare them.
//!
//! `pub` is taken at its word: the lint `unreachable_pub` sees to it that what
//! says so can be reached.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprLit, FnArg, ImplItem, Item, Lit, Meta, ReturnType, Signature, TraitItem,
    Type, TypeParamBound, Visibility,
};

use crate::tree::Tree;

/// What one crate offers.
pub(crate) struct Public {
    pub(crate) functions: Vec<Function>,
    /// The documentation of each public type that is a builder to await.
    pub(crate) builders: BTreeMap<String, String>,
}

/// A public function or method.
pub(crate) struct Function {
    /// `Type::method`, or the bare name of a free function.
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) is_async: bool,
    pub(crate) is_fallible: bool,
}

/// What is collected before it is known which types can be awaited.
#[derive(Default)]
struct Collected {
    functions: Vec<Raw>,
    types: BTreeMap<String, String>,
    builders: BTreeSet<String>,
    futures: BTreeSet<String>,
}

struct Raw {
    owner: Option<String>,
    name: String,
    docs: String,
    is_async: bool,
    is_fallible: bool,
    returns: Option<String>,
}

pub(crate) fn of(tree: &Tree, name: &str) -> Public {
    let mut collected = Collected::default();
    for file in tree.below(&format!("{name}/src/"), ".rs") {
        let text = tree.text(file).unwrap_or_default();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        collected.visit_file(&parsed);
    }
    let Collected {
        functions,
        types,
        builders,
        futures,
    } = collected;
    let functions = functions
        .into_iter()
        .map(|raw| {
            // An option of a builder gives the builder back: that is not a new thing to await.
            let builds = raw
                .returns
                .as_ref()
                .filter(|returned| Some(*returned) != raw.owner.as_ref());
            Function {
                is_async: raw.is_async
                    || builds
                        .is_some_and(|built| builders.contains(built) || futures.contains(built)),
                is_fallible: raw.is_fallible,
                name: match raw.owner {
                    Some(owner) => format!("{owner}::{}", raw.name),
                    None => raw.name,
                },
                docs: raw.docs,
            }
        })
        .collect();
    let builders = types
        .into_iter()
        .filter(|(name, _)| builders.contains(name))
        .collect();
    Public {
        functions,
        builders,
    }
}

impl Collected {
    fn function(&mut self, owner: Option<&str>, attrs: &[Attribute], sig: &Signature) {
        if is_hidden(attrs) {
            return;
        }
        let returned = match &sig.output {
            ReturnType::Type(_, returned) => Some(&**returned),
            ReturnType::Default => None,
        };
        let (future, output) = match returned {
            Some(Type::ImplTrait(returned)) => {
                let output = returned.bounds.iter().find_map(future_output);
                (output.is_some(), output.flatten())
            }
            other => (false, other),
        };
        let returns = output.and_then(last_name);
        // A function with a receiver and no owner can't be; free functions have no receiver.
        debug_assert!(
            owner.is_some()
                || !sig
                    .inputs
                    .iter()
                    .any(|arg| matches!(arg, FnArg::Receiver(_)))
        );
        self.functions.push(Raw {
            owner: owner.map(str::to_owned),
            name: sig.ident.to_string(),
            docs: docs(attrs),
            is_async: sig.asyncness.is_some() || future,
            is_fallible: returns.as_deref() == Some("Result"),
            returns,
        });
    }

    fn r#type(&mut self, visibility: &Visibility, attrs: &[Attribute], name: &syn::Ident) {
        if is_public(visibility) && !is_hidden(attrs) {
            self.types.insert(name.to_string(), docs(attrs));
        }
    }
}

impl<'ast> Visit<'ast> for Collected {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Fn(item) if is_public(&item.vis) => self.function(None, &item.attrs, &item.sig),
            Item::Struct(item) => self.r#type(&item.vis, &item.attrs, &item.ident),
            Item::Enum(item) => self.r#type(&item.vis, &item.attrs, &item.ident),
            Item::Mod(item) if is_for_tests(&item.attrs) => return,
            Item::Trait(item) if is_public(&item.vis) => {
                for method in &item.items {
                    if let TraitItem::Fn(method) = method {
                        self.function(Some(&item.ident.to_string()), &method.attrs, &method.sig);
                    }
                }
            }
            Item::Impl(item) if !is_for_tests(&item.attrs) => {
                let owner = last_name(&item.self_ty);
                let of_trait = item.trait_.as_ref().and_then(|parts| {
                    let (path, _) = parts;
                    path.segments
                        .last()
                        .map(|segment| segment.ident.to_string())
                });
                match of_trait.as_deref() {
                    None => {
                        for method in &item.items {
                            if let ImplItem::Fn(method) = method
                                && is_public(&method.vis)
                            {
                                self.function(owner.as_deref(), &method.attrs, &method.sig);
                            }
                        }
                    }
                    Some("IntoFuture") => self.builders.extend(owner),
                    Some("Future") => self.futures.extend(owner),
                    Some(_) => {}
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    // What is declared inside a function is not public.
    fn visit_block(&mut self, _: &'ast syn::Block) {}
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Says whether rustdoc leaves the item out.
pub(crate) fn is_hidden(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("doc")
            && matches!(&attr.meta, Meta::List(list) if list.tokens.to_string().split(',').any(|word| word.trim() == "hidden"))
    })
}

fn is_for_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg")
            && matches!(&attr.meta, Meta::List(list) if list.tokens.to_string() == "test")
    })
}

fn docs(attrs: &[Attribute]) -> String {
    let mut docs = String::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attr.meta
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) = &pair.value
        {
            docs.push_str(&text.value());
            docs.push('\n');
        }
    }
    docs
}

/// The last name of a type's path: `Result` of `io::Result<()>`.
fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        Type::Paren(inner) => last_name(&inner.elem),
        Type::Group(inner) => last_name(&inner.elem),
        Type::Reference(inner) => last_name(&inner.elem),
        _ => None,
    }
}

/// For the bound `Future<Output = T>` gives T, for other bounds nothing.
fn future_output(bound: &TypeParamBound) -> Option<Option<&Type>> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let last = bound.path.segments.last()?;
    if last.ident != "Future" && last.ident != "IntoFuture" {
        return None;
    }
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return Some(None);
    };
    Some(arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    }))
}
