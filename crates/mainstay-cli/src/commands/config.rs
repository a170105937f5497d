//! `config show` and `config check`.

use std::path::Path;
use std::time::Duration;

use mainstay::config::{Finding, Severity, connection_limit_finding};
use mainstay::{Error, ErrorKind};

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
    let mut findings = context.findings();
    // What is wrong in the application's own keys does not keep the database from being asked.
    let opens = !context.config.check().iter().any(is_error);
    if opens && context.config.url.host().is_some() {
        findings.extend(ask_server(context).await);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
    findings.extend(context.config.url.path().and_then(look_at_folder));
    if format.json {
        context.terminal.print(&json(&findings));
    } else if findings.is_empty() {
        context.terminal.print("nothing to complain about");
    } else {
        for finding in &findings {
            context.terminal.print(&finding.to_string());
        }
    }
    if findings.iter().any(is_error) {
        Exit::Usage
    } else {
        Exit::Ok
    }
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// Whether there is a folder for the database file, which no command makes. A warning, as for a
/// server that cannot be reached: it may be there where the configuration is meant for.
fn look_at_folder(file: &Path) -> Option<Finding> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty())?;
    (!folder.is_dir()).then(|| Finding {
        severity: Severity::Warning,
        key: "url",
        message: format!(
            "there is no folder {} here; create it, or correct the path",
            folder.display()
        ),
    })
}

/// What only the server can tell: its connection limit, and whether it lets the program in.
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
        Ok::<_, Error>(limit)
    };
    match tokio::time::timeout(ASK_LIMIT * 2, answer).await {
        Ok(Ok(limit)) => connection_limit_finding(config.pool.max, config.instances, limit?),
        Ok(Err(error)) => Some(no_answer(error)),
        Err(_) => Some(not_asked("it does not answer")),
    }
}

/// What it means that the server gave no answer. A refusal is a mistake of the configuration,
/// wherever it is read. That the server cannot be reached or has no such database yet is a
/// warning: the configuration may be meant for another machine, or for `setup`.
fn no_answer(error: Error) -> Finding {
    let key = match error.kind() {
        ErrorKind::Configuration | ErrorKind::CredentialsRefused | ErrorKind::AccessDenied => "url",
        ErrorKind::Tls => "tls",
        _ => return not_asked(&Failure::from(error).what),
    };
    let Failure { what, next, .. } = Failure::from(error);
    Finding {
        severity: Severity::Error,
        key,
        message: match next {
            Some(next) => format!("{what}; {next}"),
            None => what,
        },
    }
}

fn not_asked(why: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        key: "url",
        message: format!("the server was not asked for its connection limit: {why}"),
    }
}
