//! `config show` and `config check`.

use std::time::Duration;

use mainstay::config::{EngineKind, Finding, Severity, connection_limit_finding};

use crate::args::{ConfigCommand, Format};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::{json, table};

/// How long `check` waits for the server: it is about the configuration, not the network.
const ASK_LIMIT: Duration = Duration::from_secs(3);

pub(crate) async fn run(context: &Context<'_>, command: ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Show { format } => {
            show(context, format);
            Ok(Exit::Ok)
        }
        ConfigCommand::Check { format } => Ok(check(context, format).await),
    }
}

fn show(context: &Context<'_>, format: Format) {
    let values = context.config.effective();
    if format.json {
        context.terminal.print(&json(&values));
        return;
    }
    let rows: Vec<Vec<String>> = values
        .into_iter()
        .map(|value| {
            let (shown, source) = match value.value {
                Some(shown) => (shown, value.source.to_string()),
                None => ("-".to_owned(), "not set".to_owned()),
            };
            vec![value.key.to_owned(), shown, source]
        })
        .collect();
    context
        .terminal
        .print(&table(&["key", "value", "source"], &rows));
}

async fn check(context: &Context<'_>, format: Format) -> Exit {
    let mut findings = context.config.check();
    let wrong = findings.iter().any(|f| f.severity == Severity::Error);
    if !wrong && context.config.url.engine() != EngineKind::Sqlite {
        findings.extend(ask_server(context).await);
    }
    if format.json {
        context.terminal.print(&json(&findings));
    } else if findings.is_empty() {
        context.terminal.print("nothing to complain about");
    } else {
        for finding in &findings {
            context.terminal.print(&finding.to_string());
        }
    }
    if wrong { Exit::Usage } else { Exit::Ok }
}

/// What only the server can tell. That it cannot be reached from here is a warning: the
/// configuration may be meant for another machine.
async fn ask_server(context: &Context<'_>) -> Option<Finding> {
    let mut config = context.config.clone();
    config.pool.min = 0;
    config.timeouts.connect = config.timeouts.connect.min(ASK_LIMIT);
    let answer = async {
        let db = context.open_with(&config).await?;
        // The server tells its limits to a connection, and the pool keeps none.
        let healthy = db.health().timeout(ASK_LIMIT).await;
        let limit = db.server_info().max_connections;
        context.close(&db).await?;
        healthy?;
        Ok::<_, Failure>(limit)
    };
    let limited = tokio::time::timeout(ASK_LIMIT * 2, answer).await;
    let why = match limited {
        Ok(Ok(limit)) => {
            return connection_limit_finding(config.pool.max, config.instances, limit?);
        }
        Ok(Err(failure)) => failure.what,
        Err(_) => "it does not answer".to_owned(),
    };
    Some(Finding {
        severity: Severity::Warning,
        key: "url",
        message: format!("the server was not asked for its connection limit: {why}"),
    })
}
