//! `schema show`: the SQL that creates the tables.

use mainstay::schema::{Dialect, ddl};

use crate::application::Application;
use crate::context::need_entities;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

pub(crate) fn show(
    app: &dyn Application,
    dialect: Dialect,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    need_entities(app, "schema show")?;
    let statements = ddl::create_all(dialect, &app.schema())?;
    let texts: Vec<String> = statements
        .iter()
        .map(|statement| format!("{};", statement.trim_end().trim_end_matches(';')))
        .collect();
    terminal.print(&texts.join("\n\n"));
    Ok(Exit::Ok)
}
