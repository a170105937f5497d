//! What is below an error of a store.

use std::error::Error as StdError;

use object_store::Error as StoreError;

/// The first error of a type on the way to the bottom.
pub(super) fn cause<T: StdError + 'static>(why: &StoreError) -> Option<&T> {
    causes(why).find_map(|cause| cause.downcast_ref())
}

pub(super) fn deepest(why: &StoreError) -> String {
    let last = causes(why).last();
    last.map_or_else(|| why.to_string(), ToString::to_string)
}

fn causes(why: &StoreError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(why);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}
