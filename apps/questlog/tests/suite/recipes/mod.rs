//! The recipes for continuous integration in `docs/migrations.md`, tried as they are printed.
//!
//! - `page`: what is printed
//! - `workflow`: what GitHub Actions asks of a workflow
//! - `place`: a fresh checkout, and a private server at the place of the service container
//! - `application`: questlog with a change that somebody forgot one half of

mod application;
mod page;
mod place;
mod workflow;

use std::collections::BTreeMap;
use std::fs;

use mainstay_testkit::servers::ServerKind;

use crate::support::Engine;
use application::{ENTITY_CHANGED, MIGRATIONS};
use page::{addresses, block, root, section};
use place::{Checkout, Outcome, Place, Program};
use workflow::{Job, Workflow};

/// The test runner finds tests by attribute.
macro_rules! on_every_engine {
    ($($case:ident),* $(,)?) => {
        on_every_engine!(@ sqlite, Engine::Sqlite, $($case)*);
        on_every_engine!(@ postgres, Engine::Server(ServerKind::Postgres), $($case)*);
        on_every_engine!(@ mysql, Engine::Server(ServerKind::MariaDb), $($case)*);
    };
    (@ $module:ident, $engine:expr, $($case:ident)*) => {
        mod $module {
            use super::*;

            $(
                #[test]
                fn $case() {
                    if let Some(place) = Place::on($engine) {
                        super::$case(&place);
                    }
                }
            )*
        }
    };
}

on_every_engine!(
    the_shell_recipe_passes,
    the_job_passes,
    the_job_fails_when_something_was_forgotten,
);

/// The printed jobs as a workflow file of their own.
fn workflow() -> Workflow {
    let jobs = block("yaml");
    let jobs = jobs.lines().map(|line| format!("  {line}\n"));
    read(&format!("on:\n  push:\njobs:\n{}", String::from_iter(jobs)))
}

fn read(text: &str) -> Workflow {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_job_and_our_own_workflow_have_the_shape_that_github_actions_asks_for() {
    assert_eq!(workflow().problems(), Vec::<String>::new());
    let own = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    assert_eq!(read(&own).problems(), Vec::<String>::new());
}

/// That the check above sees anything.
#[test]
fn what_github_actions_would_refuse_is_noticed() {
    let good = format!(
        "on:\n  push:\njobs:\n{}",
        block("yaml").replace("\n", "\n  ")
    );
    let good = good.replace("jobs:\nmigrations", "jobs:\n  migrations");
    assert!(read(&good).problems().is_empty());
    for (from, to) in [
        ("  push:", "  pushed:"),
        ("ubuntu-latest", "windows-latest"),
        ("contents: read", "contents: reed"),
        ("timeout-minutes: 30", "timeout-minutes: 3000"),
        ("matrix.url", "matrix.uri"),
        ("postgres:16", "postgres"),
        ("POSTGRES_DB", "POSTGRES_DATABASE"),
        ("5432:5432", "5432:postgres"),
        ("--health-cmd", "--health-command"),
        ("--health-retries 30", "--health-retries"),
        ("actions/checkout@v6", "actions/checkout"),
        ("actions/checkout@v6", "actions/checkout@v4"),
        ("actions/checkout@v6", "actions/cache@v4"),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = read(&good.replace(from, to));
        assert!(!bad.problems().is_empty(), "{to}");
    }
    for (from, to) in [
        ("runs-on", "run-on"),
        ("ports:", "port:"),
        ("- run:", "- runs:"),
        ("    services:", "    service:"),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = serde_saphyr::from_str::<Workflow>(&good.replace(from, to));
        assert!(bad.is_err(), "{to}");
    }
}

fn the_shell_recipe_passes(place: &Place) {
    let script = block("sh");
    let printed = addresses(&script);
    let url = printed.iter().find(|url| place.is_of(url));
    let url = url.unwrap_or_else(|| panic!("no address of the engine: {script}"));
    // The first of them is the one that is in force.
    let script = script.replacen(&printed[0], &place.redirect(url), 1);
    place.make_plain_user();
    let checkout = Checkout::new(Program::Built);
    let run = |script: &str| checkout.script(&["sh"], script, &BTreeMap::new());

    if let Some(kind) = place.kind() {
        let refused = run(&script).expect(2);
        let refused = refused.says("[ACCESS_DENIED]").says("--scratch URL");
        assert!(!refused.out.contains("in sync"), "{refused:?}");

        let section = section();
        let with_scratch = section.split('`').find(|span| span.contains("--scratch "));
        let with_scratch = with_scratch.expect("it is printed");
        let mut command = with_scratch.to_owned();
        for url in addresses(with_scratch) {
            let other = format!("{}:{}", kind.name(), url.split_once(':').unwrap().1);
            command = command.replace(&url, &place.redirect(&other));
        }
        let there = script.replace("questlog schema check", &command);
        run(&there).expect(0).says("in sync");

        let word = match kind {
            ServerKind::Postgres => "PostgreSQL",
            ServerKind::MariaDb => "MariaDB",
        };
        let grants = block("sql");
        let grant = grants.lines().find(|line| line.contains(word));
        let (grant, _) = grant.expect("a line for it").split_once("--").unwrap();
        place.sql("", grant.trim_end());
    }
    run(&script).expect(0).says("in sync");
    assert_eq!(place.scratch_databases(), 0);
}

/// The printed job on an engine: the one whose address is of that engine.
fn job_on(place: &Place) -> (Job, BTreeMap<String, String>) {
    let mut jobs = workflow().jobs;
    assert_eq!(jobs.len(), 1);
    let (_, job) = jobs.pop_first().expect("one");
    let matrix = job.strategy.as_ref().map(|strategy| &strategy.matrix);
    let (axis, values) = matrix
        .and_then(BTreeMap::first_key_value)
        .expect("one axis");
    let mut choices = values.iter().filter(|url| place.is_of(url));
    let choice = choices.next().expect("the engine has an address");
    assert!(choices.next().is_none(), "two addresses of one engine");
    let choice = BTreeMap::from([(axis.clone(), choice.clone())]);
    let mut env = job.env_with(&choice);
    let url = env.get_mut("DATABASE_URL").expect("the address is given");
    if let Some(kind) = place.kind() {
        // The one the address leads to. It names no port.
        let port = match kind {
            ServerKind::Postgres => 5432,
            ServerKind::MariaDb => 3306,
        };
        let service = job.services.values().find(|service| service.is_at(port));
        let service = service.expect("a service is at the port of the address");
        place.start_service(&service.env);
        *url = place.redirect(url);
    }
    (job, env)
}

/// The steps until one fails.
fn run(job: &Job, checkout: &Checkout, env: &BTreeMap<String, String>) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for script in job.steps.iter().filter_map(|step| step.run.as_ref()) {
        if outcomes.last().is_none_or(|last| last.code == Some(0)) {
            outcomes.push(checkout.step(script, env));
        }
    }
    outcomes
}

/// The step that failed, which has to be the one with these words.
#[track_caller]
fn failed(outcomes: Vec<Outcome>, words: &str, code: i32) -> Outcome {
    let last = outcomes.into_iter().last().expect("there are steps");
    assert!(last.script.contains(words), "{last:#?}");
    last.expect(code)
}

fn the_job_passes(place: &Place) {
    let (job, env) = job_on(place);
    let checkout = Checkout::new(Program::Built);
    let outcomes = run(&job, &checkout, &env);
    let steps = job.steps.iter().filter(|step| step.run.is_some()).count();
    assert_eq!(outcomes.len(), steps, "{outcomes:#?}");
    for outcome in outcomes {
        let is_check = outcome.script.contains("schema check");
        let outcome = outcome.expect(0);
        if is_check {
            outcome.says("in sync");
        }
    }
    let status = checkout.step("questlog migrate status", &env);
    status.expect(0).says("index_goals_by_status");
    assert_eq!(place.scratch_databases(), 0);
}

fn the_job_fails_when_something_was_forgotten(place: &Place) {
    let (job, env) = job_on(place);
    // The migrations of the checkout and the entities say the same, so far.
    let checkout = Checkout::new(Program::OfCheckout);
    let outcomes = run(&job, &checkout, &env);
    let last = outcomes.into_iter().last().expect("there are steps");
    last.expect(0).says("in sync");

    // Somebody changed the database by hand.
    let by_hand = "ALTER TABLE modules ADD COLUMN motto TEXT";
    place.by_hand(&checkout, by_hand);
    let check = failed(run(&job, &checkout, &env), "schema check", 1);
    check.says("the database was changed by hand").says("motto");

    // An entity has a column, and no migration makes it.
    place.empty(&checkout);
    let mut changed = env.clone();
    changed.insert(ENTITY_CHANGED.to_owned(), "1".to_owned());
    let check = failed(run(&job, &checkout, &changed), "schema check", 1);
    check.says("motto").says("migrate new NAME --draft");

    // A migration was edited after it had been applied, which the database knows.
    for file in ["up.sqlite.sql", "up.postgres.sql", "up.mysql.sql"] {
        let file = checkout
            .path()
            .join(MIGRATIONS)
            .join("20260101000000_init")
            .join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{text}\n{by_hand};\n")).unwrap();
    }
    let setup = failed(run(&job, &checkout, &env), "setup", 1);
    setup.says("has changed since it was applied");
    let check = job
        .steps
        .iter()
        .filter_map(|step| step.run.as_ref())
        .next_back();
    let check = checkout.step(check.expect("a last step"), &env).expect(1);
    let check = check.says("the migrations say it otherwise than the entities and the database:");
    let (first, _) = check.out.split_once("schema adopt").expect("a way out");
    assert!(first.contains("migrate repair"), "{check:#?}");

    // Where it is applied for the first time the entities do not know the column.
    place.empty(&checkout);
    let check = failed(run(&job, &checkout, &env), "schema check", 1);
    check.says("motto").says("or change the entities");
    assert_eq!(place.scratch_databases(), 0);
}

/// Nobody waits for a job that cannot work.
#[test]
fn a_job_without_its_server_or_with_a_wrong_password_fails_and_says_why() {
    let Some(place) = Place::on(Engine::Server(ServerKind::Postgres)) else {
        return;
    };
    let (job, env) = job_on(&place);
    let checkout = Checkout::new(Program::Built);
    let with = |from: &str, to: &str| {
        let mut env = env.clone();
        let url = env.get_mut("DATABASE_URL").expect("the address is given");
        assert!(url.contains(from));
        *url = url.replace(from, to);
        env
    };
    let wrong = run(&job, &checkout, &with(":ci@", ":mistyped@"));
    let wrong = failed(wrong, "setup", 4).says("password");
    assert!(!wrong.err.contains("mistyped"), "{wrong:?}");

    let port = env["DATABASE_URL"].rsplit_once(':').expect("a port").1;
    let port = port.trim_end_matches("/ci").to_owned();
    // Nothing listens there.
    let absent = run(&job, &checkout, &with(&port, "1"));
    failed(absent, "setup", 4).says("localhost:1");
}
