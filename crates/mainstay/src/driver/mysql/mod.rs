//! Placeholder until the driver is merged.
use crate::config::Config;
use crate::driver::{BoxFuture, Driver, connect};
use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;
pub(in crate::driver) struct Backend;
fn not_yet<T: Send + 'static>() -> BoxFuture<'static, Result<T>> {
    Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "not merged yet")) })
}
impl connect::Backend for Backend {
    fn open<'a>(&self, _: &'a Config) -> BoxFuture<'a, Result<Arc<dyn Driver>>> {
        not_yet()
    }
    fn create_if_missing<'a>(&self, _: &'a Config) -> BoxFuture<'a, Result<bool>> {
        not_yet()
    }
    fn drop_if_exists<'a>(&self, _: &'a Config) -> BoxFuture<'a, Result<bool>> {
        not_yet()
    }
}
