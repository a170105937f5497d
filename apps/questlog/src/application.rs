//! Questlog as the command line sees it.

use mainstay::config::{Finding, KeyDef};
use mainstay::driver::BoxFuture;
use mainstay::{Config, Database, Result, Schema};
use mainstay_cli::{Application, ServeContext};
use mainstay_migrate::{MigrationSet, SeedReport};

use crate::http::settings::{KEYS, Settings};
use crate::http::{Options, router_with, server};
use crate::migrations::MIGRATIONS;
use crate::service::App;

/// The application.
#[derive(Debug, Clone, Copy, Default)]
pub struct Questlog;

impl Application for Questlog {
    fn name(&self) -> &'static str {
        "questlog"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn schema(&self) -> Schema {
        crate::schema()
    }

    fn migrations(&self) -> &'static MigrationSet {
        &MIGRATIONS
    }

    fn seed<'a>(&'a self, db: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
        Box::pin(async move { crate::seed::seed(&App::new(db.clone())).await })
    }

    fn config_keys(&self) -> &'static [KeyDef] {
        KEYS
    }

    fn check(&self, config: &Config) -> Vec<Finding> {
        Settings::check(config).into_iter().collect()
    }

    fn serve<'a>(&'a self, context: ServeContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(serve(context))
    }
}

async fn serve(context: ServeContext) -> Result<()> {
    let settings = Settings::from_config(&context.config)?;
    let listener = server::bind(settings.bind).await?;
    // The port may have been left to the system.
    let address = listener.local_addr().map_err(mainstay::Error::unexpected)?;
    let options = Options {
        token: settings.token,
        ready: context.ready.clone(),
        ..Options::default()
    };
    let router = router_with(context.db.clone(), options);
    context.announce(&format!("http://{address}/api/v1"));
    server::serve(listener, router, context.shutdown.clone().wait()).await
}
