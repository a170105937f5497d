//! The field types that can be columns, told by the last segment of their path.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// What kind of column a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    I32,
    I64,
    F64,
    Decimal,
    Text,
    Bytes,
    Uuid,
    Instant,
    Date,
    Json,
    Enum,
}

const SUPPORTED: &str = "bool, i32, i64, f64, Decimal, String, Vec<u8>, Uuid, DateTime<Utc>, \
     NaiveDate, serde_json::Value, an enum marked #[entity(enumeration)], or Option of one of these";

impl Kind {
    /// The kind of a type without `Option`.
    pub(crate) fn of(ty: &Type) -> syn::Result<Self> {
        let unsupported = |hint: &str| {
            Err(syn::Error::new(
                ty.span(),
                format!("this type cannot be a column{hint}; supported are {SUPPORTED}"),
            ))
        };
        let Some(segment) = last_segment(ty) else {
            return unsupported("");
        };
        Ok(match segment.ident.to_string().as_str() {
            "bool" => Self::Bool,
            "i32" => Self::I32,
            "i64" => Self::I64,
            "f64" => Self::F64,
            "Decimal" => Self::Decimal,
            "String" => Self::Text,
            "Vec" if argument_is(segment, "u8") => Self::Bytes,
            "Uuid" => Self::Uuid,
            "DateTime" if argument_is(segment, "Utc") => Self::Instant,
            "NaiveDate" => Self::Date,
            "Value" | "Json" => Self::Json,
            "DateTime" => return unsupported(": an instant is stored as DateTime<Utc>"),
            "Option" => return unsupported(": NULL is one Option, not two"),
            "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "isize" => {
                return unsupported(": integers are i32 or i64");
            }
            "f32" => return unsupported(": use f64"),
            _ => return unsupported(""),
        })
    }

    /// The full path of the type, to make sure that a name means what it seems to.
    pub(crate) fn canonical(self) -> Option<TokenStream> {
        let name = match self {
            Self::Bool => quote!(bool),
            Self::I32 => quote!(i32),
            Self::I64 => quote!(i64),
            Self::F64 => quote!(f64),
            Self::Decimal => quote!(Decimal),
            Self::Text => quote!(String),
            Self::Bytes => quote!(Bytes),
            Self::Uuid => quote!(Uuid),
            Self::Instant => quote!(Instant),
            Self::Date => quote!(NaiveDate),
            Self::Json => quote!(Json),
            Self::Enum => return None,
        };
        Some(quote!(::mainstay::schema::derived::types::#name))
    }

    /// Whether the kind is a number.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::I32 | Self::I64 | Self::F64 | Self::Decimal)
    }

    /// Whether the kind can be part of a primary key.
    pub(crate) fn is_key(self) -> bool {
        matches!(
            self,
            Self::Uuid | Self::Text | Self::I32 | Self::I64 | Self::Instant | Self::Date
        )
    }
}

/// The type inside `Option<..>`, if it is one.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty)?;
    if segment.ident != "Option" {
        return None;
    }
    only_argument(segment)
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn only_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(ty)), 1) => Some(ty),
        _ => None,
    }
}

fn argument_is(segment: &PathSegment, name: &str) -> bool {
    only_argument(segment)
        .and_then(last_segment)
        .is_some_and(|inner| inner.ident == name)
}
