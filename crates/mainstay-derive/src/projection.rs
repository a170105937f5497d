//! `#[derive(Projection)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::part;
use crate::problems::Problems;

/// The code of `#[derive(Projection)]`.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let part = part::parse(&input, "projection", &[])?;
    let (ident, entity) = (&part.ident, &part.entity);
    let mut problems = Problems::default();
    if part.fields.is_empty() {
        problems.at(ident.span(), "a projection has at least one field");
    }
    for field in part.fields.iter().filter(|field| field.options == 2) {
        problems.at(field.span, "NULL is one Option, not two");
    }
    problems.finish(())?;
    let constants = part.fields.iter().map(|field| &field.constant);
    let reads = part.fields.iter().enumerate().map(|(position, field)| {
        let (name, constant, span) = (&field.ident, &field.constant, field.span);
        let ty = &field.ty;
        let read = crate::entity::read_function(field.options == 1);
        quote_spanned! {span=>
            #name: ::mainstay::schema::derived::#read::<#entity, #ty>(
                row,
                #position,
                <#entity>::#constant,
            )?
        }
    });
    let assertions = part.fields.iter().filter(|f| f.options == 0).map(|field| {
        let (constant, span) = (&field.constant, field.span);
        quote_spanned! {span=>
            const _: () = ::core::assert!(
                !<#entity>::MAINSTAY_TABLE.columns[<#entity>::#constant.position()].nullable,
                "this column can be NULL: make the field an Option",
            );
        }
    });
    Ok(quote! {
        const _: () = {
            #[automatically_derived]
            impl ::mainstay::schema::FromRow for #ident {
                fn from_row(row: &::mainstay::driver::Row<'_>) -> ::mainstay::Result<Self> {
                    ::core::result::Result::Ok(Self { #(#reads),* })
                }
            }

            #[automatically_derived]
            impl ::mainstay::schema::Projection<#entity> for #ident {
                const COLUMNS: &'static [usize] = &[#(<#entity>::#constants.position()),*];
            }

            #(#assertions)*
        };
    })
}
