//! Reading attributes: literals, lists and clear words about what is not known.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, Lit, LitStr, Token, parenthesized};

use crate::names;

/// A literal, possibly negative.
pub(crate) enum Literal {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// A literal and where it stands.
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl Parse for Spanned<Literal> {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus: Option<Token![-]> = input.parse()?;
        let lit: Lit = input.parse()?;
        let span = lit.span();
        let sign = if minus.is_some() { "-" } else { "" };
        let value = match &lit {
            Lit::Int(int) => Literal::Int(
                format!("{sign}{}", int.base10_digits())
                    .parse()
                    .map_err(|_| syn::Error::new(span, "this number does not fit an i64"))?,
            ),
            Lit::Float(float) => Literal::Float(
                format!("{sign}{}", float.base10_digits())
                    .parse()
                    .map_err(|_| syn::Error::new(span, "this number does not fit an f64"))?,
            ),
            Lit::Bool(truth) if minus.is_none() => Literal::Bool(truth.value),
            Lit::Str(text) if minus.is_none() => Literal::Text(text.value()),
            _ => {
                return Err(syn::Error::new(
                    span,
                    "expected a number, true, false or a text in quotes",
                ));
            }
        };
        Ok(Self { value, span })
    }
}

/// The integer in `name = 5`.
pub(crate) fn integer(meta: &ParseNestedMeta<'_>) -> syn::Result<Spanned<i64>> {
    let literal: Spanned<Literal> = meta.value()?.parse()?;
    match literal.value {
        Literal::Int(value) => Ok(Spanned {
            value,
            span: literal.span,
        }),
        _ => Err(syn::Error::new(literal.span, "expected a whole number")),
    }
}

/// The text in `name = "text"`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

/// The names in `name(a, b)`.
pub(crate) fn idents(meta: &ParseNestedMeta<'_>) -> syn::Result<Vec<Ident>> {
    let content;
    parenthesized!(content in meta.input);
    let list = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, Ident::parse_any)?;
    Ok(list.into_iter().collect())
}

/// Stores a value once; a second one is an error.
pub(crate) fn once<T>(
    slot: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    value: T,
) -> syn::Result<()> {
    if slot.replace(value).is_some() {
        return Err(meta.error("given twice"));
    }
    Ok(())
}

/// The error for an attribute that is not known, with the nearest that is.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &[&str]) -> syn::Error {
    let name = meta
        .path
        .get_ident()
        .map_or_else(String::new, ToString::to_string);
    meta.error(unknown_message("attribute", &name, known))
}

/// `unknown attribute `x`; did you mean `y`?`, or the whole list when nothing is near.
pub(crate) fn unknown_message(what: &str, name: &str, known: &[&str]) -> String {
    match names::nearest(name, known.iter().copied()) {
        Some(nearest) => format!("unknown {what} `{name}`; did you mean `{nearest}`?"),
        None => format!("unknown {what} `{name}`; known are {}", known.join(", ")),
    }
}
