//! From the command line to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use mainstay::config::ConfigLoader;

use crate::application::Application;
use crate::args::{self, Cli, Command, MigrateCommand, SchemaCommand};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;
use crate::{commands, logging};

/// Runs an application's command line: what its `fn main` returns.
///
/// ```no_run
/// # use mainstay::{Database, Result, Schema, driver::BoxFuture};
/// # use mainstay_cli::{Application, ServeContext};
/// # use mainstay_migrate::{MigrationSet, SeedReport};
/// # struct Questlog;
/// # impl Application for Questlog {
/// #     fn name(&self) -> &'static str {
/// #         "questlog"
/// #     }
/// #     fn schema(&self) -> Schema {
/// #         Schema::new()
/// #     }
/// #     fn migrations(&self) -> &'static MigrationSet {
/// #         static NONE: MigrationSet = MigrationSet::new(&[]);
/// #         &NONE
/// #     }
/// #     fn seed<'a>(&'a self, _: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
/// #         Box::pin(async { Ok(SeedReport::new()) })
/// #     }
/// #     fn serve<'a>(&'a self, context: ServeContext) -> BoxFuture<'a, Result<()>> {
/// #         Box::pin(async move { Ok(context.shutdown.wait().await) })
/// #     }
/// # }
/// fn main() -> std::process::ExitCode {
///     mainstay_cli::main(Questlog)
/// }
/// ```
pub fn main(app: impl Application) -> ExitCode {
    block_on(|terminal| async move {
        let words: Vec<OsString> = std::env::args_os().collect();
        run(&app, words, ConfigLoader::from_process_env(), terminal).await
    })
}

/// Runs the process's command line to its exit code.
pub(crate) fn block_on<F: Future<Output = Exit>>(work: impl FnOnce(Terminal) -> F) -> ExitCode {
    let terminal = Terminal::process();
    // Clients of HTTP, those of the application too, have to be told whose cryptography to use for TLS
    // once a store that speaks S3 can be a target: without, some of them panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.note(&format!("error: the runtime does not start: {error}"));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(work(terminal));
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit.into()
}

/// Runs one command line, whose first word is the program, on a configuration.
pub async fn run(
    app: &dyn Application,
    words: impl IntoIterator<Item = OsString>,
    loader: ConfigLoader,
    terminal: Terminal,
) -> Exit {
    let cli = match args::parse(app.name(), app.version(), words) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &terminal),
    };
    ended(dispatch(app, cli, loader, &terminal).await, &terminal)
}

/// How a command ended; a failure is printed.
pub(crate) fn ended(result: Result<Exit, Failure>, terminal: &Terminal) -> Exit {
    result.unwrap_or_else(|failure| {
        terminal.note(&failure.to_string());
        failure.exit
    })
}

/// Help and version are answers, the rest are mistakes.
pub(crate) fn usage(error: &clap::Error, terminal: &Terminal) -> Exit {
    let text = error.render().to_string();
    if error.exit_code() == 0 {
        terminal.print(&text);
        Exit::Ok
    } else {
        terminal.note(&text);
        Exit::Usage
    }
}

pub(crate) async fn dispatch(
    app: &dyn Application,
    cli: Cli,
    loader: ConfigLoader,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let command = cli.command.unwrap_or(Command::Serve);
    // Needs no configuration, and production has none without a server.
    if let Command::Schema(SchemaCommand::Show {
        dialect: Some(dialect),
    }) = &command
    {
        return commands::schema::show(app, (*dialect).into(), terminal);
    }
    if let Command::Migrate(MigrateCommand::New {
        name,
        folder,
        dialect,
        draft,
        format,
    }) = &command
        && !draft.draft
    {
        return commands::migrate::new(terminal, name, folder, dialect, *format);
    }
    if let Command::Migrate(MigrateCommand::Lint(args)) = &command
        && !args.needs_database()
    {
        return commands::lint::alone(app.migrations(), &app.schema(), args, terminal);
    }
    let loader = cli.global.apply(
        loader
            .with_keys(commands::backup::KEYS)
            .with_keys(app.config_keys()),
    );
    let config = loader.load()?;
    if terminal.is_process() {
        logging::start(&config, command == Command::Serve, terminal);
    }
    let context = Context::new(app, config, terminal.clone());
    match command {
        Command::Serve => commands::serve::run(&context).await,
        Command::Setup { no_seed, format } => commands::setup::run(&context, no_seed, format).await,
        Command::Seed { force, format } => commands::seed::run(&context, force, format).await,
        Command::Reset { yes, format } => commands::reset::run(&context, yes, format).await,
        Command::Config(command) => commands::config::run(&context, command).await,
        Command::Migrate(command) => commands::migrate::run(&context, command).await,
        Command::Schema(command) => commands::schema::run(&context, command).await,
        Command::Backup(command) => commands::backup::run(&context, command).await,
        Command::Copy(args) => commands::copy::run(&context, &args).await,
        Command::Status { format } => commands::status::run(&context, format).await,
    }
}
