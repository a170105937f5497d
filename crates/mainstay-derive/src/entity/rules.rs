//! The rules a column's input has to satisfy, and the form text is put into before.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use super::field::FieldOptions;
use crate::attribute::{Spanned, unknown_message};
use crate::problems::Problems;
use crate::tokens::optional;
use crate::types::Kind;

/// The length limit of a text column.
pub(super) fn max_length(
    kind: Kind,
    options: &FieldOptions,
    problems: &mut Problems,
) -> Option<u32> {
    let max = options.max.as_ref().filter(|_| kind == Kind::Text)?;
    match u32::try_from(max.value) {
        Ok(value) if value > 0 => Some(value),
        _ => {
            problems.at(
                max.span,
                "the length of a text is at least 1 and fits a u32",
            );
            None
        }
    }
}

/// The `TextForm` as code.
pub(super) fn form(kind: Kind, options: &FieldOptions, problems: &mut Problems) -> TokenStream {
    let given: Vec<(&str, Span, TokenStream)> = [
        ("lowercase", options.lowercase, quote!(Lowercase)),
        ("multiline", options.multiline, quote!(Multiline)),
        ("opaque", options.opaque, quote!(Opaque)),
    ]
    .into_iter()
    .filter_map(|(name, flag, variant)| Some((name, flag?, variant)))
    .collect();
    for (name, span, _) in &given {
        if kind != Kind::Text {
            problems.at(*span, format!("{name} is for fields of type String"));
        }
    }
    if let [(first, ..), (second, span, _), ..] = given.as_slice() {
        problems.at(*span, format!("{second} and {first} exclude each other"));
    }
    let variant = given.into_iter().next().map_or(quote!(Line), |(_, _, v)| v);
    quote!(::mainstay::schema::TextForm::#variant)
}

/// The list of `Rule`s as code.
pub(super) fn rules(kind: Kind, options: &FieldOptions, problems: &mut Problems) -> TokenStream {
    let mut found: Vec<(&str, TokenStream)> = Vec::new();
    for (name, bound) in [("min", &options.min), ("max", &options.max)] {
        if let Some(bound) = bound
            && let Some(rule) = problems.keep(limit(kind, name, bound))
        {
            found.push((name, rule));
        }
    }
    if let (Some(min), Some(max)) = (&options.min, &options.max)
        && min.value > max.value
    {
        problems.at(max.span, format!("max is less than min ({})", min.value));
    }
    let flags = [
        ("email", options.email, quote!(Email)),
        ("future", options.future, quote!(Future)),
        ("json_object", options.json_object, quote!(JsonObject)),
    ];
    for (name, flag, rule) in flags {
        let Some(span) = flag else { continue };
        let (fits, types) = match name {
            "email" => (kind == Kind::Text, "String"),
            "future" => (
                matches!(kind, Kind::Instant | Kind::Date),
                "DateTime<Utc> or NaiveDate",
            ),
            _ => (kind == Kind::Json, "serde_json::Value"),
        };
        if !fits {
            problems.at(span, format!("{name} is for fields of type {types}"));
        }
        found.push((name, rule));
    }
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    for (rule, _) in &options.messages {
        if !names.contains(&rule.to_string().as_str()) {
            let message = if names.is_empty() {
                format!("there is no rule `{rule}` on this field for a message")
            } else {
                unknown_message("rule", &rule.to_string(), &names)
            };
            problems.at(rule.span(), message);
        }
    }
    let rules = found.iter().map(|(name, rule)| {
        let message = options.messages.iter().find(|(rule, _)| rule == name);
        let message = optional(message.map(|(_, text)| quote!(#text)));
        quote!(::mainstay::schema::Rule {
            kind: ::mainstay::schema::RuleKind::#rule,
            message: #message,
        })
    });
    quote!(&[#(#rules),*])
}

fn limit(kind: Kind, name: &str, bound: &Spanned<i64>) -> syn::Result<TokenStream> {
    let value = bound.value;
    let refuse = |message: String| Err(syn::Error::new(bound.span, message));
    if kind == Kind::Text {
        let Ok(length) = u32::try_from(value) else {
            return refuse("the length of a text fits a u32".to_owned());
        };
        return Ok(if name == "min" {
            quote!(MinLength(#length))
        } else {
            quote!(MaxLength(#length))
        });
    }
    if !kind.is_number() {
        return refuse(format!("{name} is for text and numbers"));
    }
    if kind == Kind::I32 && i32::try_from(value).is_err() {
        return refuse(format!(
            "{name} is beyond what the field's type, i32, holds"
        ));
    }
    Ok(if name == "min" {
        quote!(Min(#value))
    } else {
        quote!(Max(#value))
    })
}
