//! A field as a column: what its attributes mean for its type.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned as _;
use syn::{Field, Ident, Type};

use super::field::FieldOptions;
use super::rules;
use crate::attribute::{Literal, Spanned};
use crate::names;
use crate::problems::Problems;
use crate::tokens::optional;
use crate::types::{Kind, inside_option};

/// A column.
pub(super) struct Column {
    /// The struct's field.
    pub(super) ident: Ident,
    /// The name of the typed constant.
    pub(super) constant: Ident,
    /// The column's name.
    pub(super) name: String,
    /// The field's name in JSON.
    pub(super) field: String,
    pub(super) kind: Kind,
    /// The field's type without `Option`.
    pub(super) ty: Type,
    pub(super) nullable: bool,
    /// The length limit of a text.
    pub(super) max: Option<u32>,
    /// `ColumnType`, `Option<DefaultValue>`, `Automatic`, `TextForm`, `[Rule]` as code.
    pub(super) column_type: TokenStream,
    pub(super) default: TokenStream,
    pub(super) automatic: TokenStream,
    pub(super) form: TokenStream,
    pub(super) rules: TokenStream,
    /// The word that an enum's default must be among.
    pub(super) default_word: Option<Spanned<String>>,
    pub(super) options: FieldOptions,
}

/// Makes the column of a field; `None` when its type is not known.
pub(super) fn resolve(
    field: &Field,
    options: FieldOptions,
    problems: &mut Problems,
) -> Option<Column> {
    let ident = field.ident.clone()?;
    let plain = names::plain(&ident);
    let (ty, nullable) = match inside_option(&field.ty) {
        Some(inner) => (inner, true),
        None => (&field.ty, false),
    };
    let kind = match options.enumeration {
        Some(_) => Kind::Enum,
        None => problems.keep(Kind::of(ty))?,
    };
    let name = match &options.column {
        Some(name) => name.value(),
        None => plain.clone(),
    };
    let name_span = options.column.as_ref().map_or(ident.span(), |n| n.span());
    if let Some(refusal) = names::refusal(&name) {
        problems.at(name_span, refusal);
    }
    let max = rules::max_length(kind, &options, problems);
    let column_type = column_type(kind, ty, max, &options, problems);
    let (default, default_word) = default(kind, &options, problems);
    Some(Column {
        constant: format_ident!("{}", plain.to_uppercase(), span = ident.span()),
        field: match &options.field {
            Some(field) => field.value(),
            None => names::camel_case(&plain),
        },
        automatic: automatic(kind, nullable, &options, problems),
        form: rules::form(kind, &options, problems),
        rules: rules::rules(kind, &options, problems),
        ident,
        name,
        kind,
        ty: ty.clone(),
        nullable,
        max,
        column_type,
        default,
        default_word,
        options,
    })
}

fn column_type(
    kind: Kind,
    ty: &Type,
    max: Option<u32>,
    options: &FieldOptions,
    problems: &mut Problems,
) -> TokenStream {
    if let (Some(decimal), false) = (&options.decimal, kind == Kind::Decimal) {
        problems.at(decimal.span, "decimal is for fields of type Decimal");
    }
    let variant = match kind {
        Kind::Bool => quote!(Bool),
        Kind::I32 => quote!(I32),
        Kind::I64 => quote!(I64),
        Kind::F64 => quote!(F64),
        Kind::Bytes => quote!(Bytes),
        Kind::Uuid => quote!(Uuid),
        Kind::Instant => quote!(Instant),
        Kind::Date => quote!(Date),
        Kind::Json => quote!(Json),
        Kind::Text => {
            let max = optional(max.map(|max| quote!(#max)));
            quote!(Text { max: #max })
        }
        Kind::Enum => quote!(Enum { variants: <#ty as ::mainstay::value::TextEnum>::VARIANTS }),
        Kind::Decimal => {
            let Some(digits) = &options.decimal else {
                problems.at(
                    ty.span(),
                    "say how many digits the number has: #[entity(decimal(10, 2))] for ten, two of \
                     them after the point",
                );
                return TokenStream::new();
            };
            let (precision, scale) = digits.value;
            quote!(Decimal { precision: #precision, scale: #scale })
        }
    };
    quote!(::mainstay::value::ColumnType::#variant)
}

fn automatic(
    kind: Kind,
    nullable: bool,
    options: &FieldOptions,
    problems: &mut Problems,
) -> TokenStream {
    let mut given: Vec<(&str, Span, TokenStream)> = Vec::new();
    let mut timed = |name, flag: Option<Span>, variant| {
        let span = flag?;
        if kind != Kind::Instant || nullable {
            problems.at(span, format!("{name} is for a field of type DateTime<Utc>"));
        }
        given.push((name, span, variant));
        Some(())
    };
    timed("created_at", options.created_at, quote!(CreatedAt));
    timed("updated_at", options.updated_at, quote!(UpdatedAt));
    if let Some(span) = options.version {
        if kind != Kind::I64 || nullable {
            problems.at(span, "version is for a field of type i64");
        }
        given.push(("version", span, quote!(Version)));
    }
    if let Some(span) = options.auto {
        match kind {
            _ if options.key.is_none() => problems.at(span, "auto is for a field that is the key"),
            Kind::Uuid => given.push(("auto", span, quote!(Uuid))),
            Kind::I64 => given.push(("auto", span, quote!(Identity))),
            _ => problems.at(span, "auto is for a key of type Uuid or i64"),
        }
    }
    if let [(first, ..), (second, span, _), ..] = given.as_slice() {
        problems.at(*span, format!("{second} and {first} exclude each other"));
    }
    if let (Some((name, ..)), Some(default)) = (given.first(), &options.default) {
        problems.at(
            default.span,
            format!("a default is never used here: {name} fills the column in"),
        );
    }
    let variant = given.pop().map_or_else(|| quote!(No), |(_, _, v)| v);
    quote!(::mainstay::schema::Automatic::#variant)
}

fn default(
    kind: Kind,
    options: &FieldOptions,
    problems: &mut Problems,
) -> (TokenStream, Option<Spanned<String>>) {
    let Some(default) = &options.default else {
        return (optional(None), None);
    };
    let span = default.span;
    let mut word = None;
    let value = match (kind, &default.value) {
        (Kind::Bool, Literal::Bool(truth)) => quote!(Bool(#truth)),
        (Kind::I32, Literal::Int(number)) if i32::try_from(*number).is_err() => {
            problems.at(span, "this number does not fit an i32");
            return (optional(None), None);
        }
        (Kind::I32 | Kind::I64, Literal::Int(number)) => quote!(Int(#number)),
        (Kind::F64, Literal::Int(number)) => {
            let number = *number as f64;
            quote!(Float(#number))
        }
        (Kind::F64, Literal::Float(number)) => quote!(Float(#number)),
        (Kind::Decimal, Literal::Int(number)) => quote!(Int(#number)),
        (Kind::Decimal, Literal::Text(text)) if is_decimal(text) => quote!(Text(#text)),
        (Kind::Text, Literal::Text(text)) => quote!(Text(#text)),
        (Kind::Enum, Literal::Text(text)) => {
            word = Some(Spanned {
                value: text.clone(),
                span,
            });
            quote!(Text(#text))
        }
        (Kind::Json, Literal::Text(text)) => quote!(Json(#text)),
        _ => {
            let expected = match kind {
                Kind::Bool => "true or false",
                Kind::I32 | Kind::I64 => "a whole number",
                Kind::F64 => "a number",
                Kind::Decimal => "a whole number, or a decimal in quotes such as \"1.50\"",
                Kind::Text => "a text in quotes",
                Kind::Enum => "the word of a variant in quotes",
                Kind::Json => "a JSON document in quotes",
                Kind::Bytes | Kind::Uuid | Kind::Instant | Kind::Date => {
                    "no default: this type has none that all engines share"
                }
            };
            problems.at(
                span,
                format!("the default does not fit, expected {expected}"),
            );
            return (optional(None), None);
        }
    };
    let value = quote!(::mainstay::schema::DefaultValue::#value);
    (optional(Some(value)), word)
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}
