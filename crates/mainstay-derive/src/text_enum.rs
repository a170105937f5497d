//! `#[derive(TextEnum)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, LitStr, Variant};

use crate::attribute::{once, text, unknown};
use crate::names;
use crate::problems::Problems;

/// The code of `#[derive(TextEnum)]`.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(ident, "expected an enum"));
    };
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &input.generics,
            "an enum stored as a word cannot be generic",
        ));
    }
    let mut problems = Problems::default();
    if data.variants.is_empty() {
        problems.at(ident.span(), "the enum has no variant to store");
    }
    let mut words: Vec<String> = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            problems.at(
                variant.ident.span(),
                "a variant stored as a word has no fields",
            );
        }
        let word = word(variant, &mut problems);
        if words.contains(&word) {
            problems.at(
                variant.ident.span(),
                format!("two variants have the word `{word}`"),
            );
        }
        words.push(word);
    }
    problems.finish(())?;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    Ok(quote! {
        const _: () = {
            #[automatically_derived]
            impl ::mainstay::value::TextEnum for #ident {
                const VARIANTS: &'static [&'static str] = &[#(#words),*];

                fn as_str(self) -> &'static str {
                    match self {
                        #(Self::#variants => #words),*
                    }
                }

                fn from_str_opt(word: &str) -> ::core::option::Option<Self> {
                    match word {
                        #(#words => ::core::option::Option::Some(Self::#variants),)*
                        _ => ::core::option::Option::None,
                    }
                }
            }

            #[automatically_derived]
            impl ::mainstay::value::ToValue for #ident {
                fn to_value(&self) -> ::mainstay::value::Value {
                    ::mainstay::schema::derived::word_value(*self)
                }
            }

            #[automatically_derived]
            impl ::mainstay::value::FromCell for #ident {
                fn from_cell(
                    cell: ::mainstay::value::Cell<'_>,
                    _: &::mainstay::value::ColumnType,
                ) -> ::mainstay::Result<Self> {
                    ::mainstay::schema::derived::read_word(cell)
                }
            }

            #[automatically_derived]
            impl ::core::fmt::Display for #ident {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.pad(::mainstay::value::TextEnum::as_str(*self))
                }
            }

            #[automatically_derived]
            impl ::core::str::FromStr for #ident {
                type Err = ::mainstay::Error;

                fn from_str(word: &str) -> ::mainstay::Result<Self> {
                    ::mainstay::schema::derived::parse_word(word)
                }
            }
        };
    })
}

fn word(variant: &Variant, problems: &mut Problems) -> String {
    let mut rename: Option<LitStr> = None;
    for attribute in &variant.attrs {
        if attribute.path().is_ident("text_enum") {
            let result = attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    once(&mut rename, &meta, text(&meta)?)
                } else {
                    Err(unknown(&meta, &["rename"]))
                }
            });
            problems.keep(result);
        }
    }
    let Some(rename) = rename else {
        return names::snake_case(&names::plain(&variant.ident));
    };
    let word = rename.value();
    if word.is_empty() || word.chars().any(char::is_control) {
        problems.at(
            rename.span(),
            "a word has at least one character and no control characters",
        );
    }
    word
}
