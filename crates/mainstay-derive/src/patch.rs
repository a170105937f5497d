//! `#[derive(Patch)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::part;
use crate::problems::Problems;

/// The code of `#[derive(Patch)]`.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let part = part::parse(&input, "patch", &["skip", "expected_version"])?;
    let (ident, entity) = (&part.ident, &part.entity);
    let mut problems = Problems::default();
    let fields: Vec<_> = part.fields.iter().filter(|f| f.flag.is_none()).collect();
    for field in &fields {
        if field.options == 0 {
            problems.at(
                field.span,
                "a field of a patch is Option<T>, where None leaves the column as it is",
            );
        }
    }
    let mut versions = part.fields.iter().filter(|f| f.has("expected_version"));
    let version = versions.next();
    for second in versions {
        problems.at(second.ident.span(), "a patch has one expected version");
    }
    problems.finish(())?;

    let count = fields.len();
    let given = fields.iter().map(|field| {
        let (name, constant, span) = (&field.ident, &field.constant, field.span);
        let set = if field.options == 2 {
            quote!(set_nullable)
        } else {
            quote!(set)
        };
        quote_spanned! {span=>
            if let ::core::option::Option::Some(value) = self.#name {
                given.push(::mainstay::schema::derived::#set(<#entity>::#constant, value));
            }
        }
    });
    let assertions = fields
        .iter()
        .filter(|field| field.options == 2)
        .map(|field| part.must_be_nullable(field));
    let expected_version = version.map(|field| {
        let (name, span) = (&field.ident, field.span);
        quote_spanned! {span=>
            fn expected_version(&self) -> ::core::option::Option<i64> {
                ::core::convert::Into::into(self.#name)
            }
        }
    });
    let has_version = version.map(|field| {
        let span = field.span;
        quote_spanned! {span=>
            const _: () = ::core::assert!(
                ::mainstay::schema::derived::has_version(<#entity>::MAINSTAY_TABLE),
                "the entity has no field marked #[entity(version)]",
            );
        }
    });
    Ok(quote! {
        const _: () = {
            #[automatically_derived]
            impl ::mainstay::schema::Patch<#entity> for #ident {
                #[allow(clippy::vec_init_then_push)]
                fn assignments(self) -> ::std::vec::Vec<::mainstay::schema::Assignment> {
                    let mut given = ::std::vec::Vec::with_capacity(#count);
                    #(#given)*
                    given
                }

                #expected_version
            }

            #(#assertions)*
            #has_version
        };
    })
}
