//! `#[derive(Insert)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::part;

/// The code of `#[derive(Insert)]`.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let part = part::parse(&input, "insert", &["skip"])?;
    let (ident, entity) = (&part.ident, &part.entity);
    let fields: Vec<_> = part.fields.iter().filter(|f| !f.has("skip")).collect();
    let count = fields.len();
    let given = fields.iter().map(|field| {
        let (name, constant, span) = (&field.ident, &field.constant, field.span);
        match field.options {
            0 => quote_spanned! {span=>
                given.push(::mainstay::schema::derived::set(<#entity>::#constant, self.#name));
            },
            1 => quote_spanned! {span=>
                given.extend(::mainstay::schema::derived::set_or_leave(
                    <#entity>::#constant,
                    self.#name,
                ));
            },
            _ => quote_spanned! {span=>
                if let ::core::option::Option::Some(value) = self.#name {
                    given.push(::mainstay::schema::derived::set_nullable(
                        <#entity>::#constant,
                        value,
                    ));
                }
            },
        }
    });
    let assertions = fields
        .iter()
        .filter(|field| field.options == 2)
        .map(|field| part.must_be_nullable(field));
    Ok(quote! {
        const _: () = {
            #[automatically_derived]
            impl ::mainstay::schema::Insert<#entity> for #ident {
                #[allow(clippy::vec_init_then_push)]
                fn assignments(self) -> ::std::vec::Vec<::mainstay::schema::Assignment> {
                    let mut given = ::std::vec::Vec::with_capacity(#count);
                    #(#given)*
                    given
                }
            }

            #(#assertions)*
        };
    })
}
