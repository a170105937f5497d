//! Values as code.

use proc_macro2::TokenStream;
use quote::quote;

/// An `Option` as code.
pub(crate) fn optional(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
