//! From one random schema to another: the draft runs, leaves no difference and keeps the rows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mainstay_migrate::catalog::Catalog;
use mainstay_migrate::diff::{Renames, compare, describe, draft};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::random::Schema;
use super::targets::{Engine, Target, engines};

/// The values of a column by its table and name, in the order of the keys.
type Values = BTreeMap<(&'static str, &'static str), Vec<Option<String>>>;

/// The values of the columns that are the same in both schemas, and the number of rows of the
/// tables that are in both.
async fn values(target: &Target, engine: Engine, from: &Schema, to: &Schema) -> Values {
    let mut out = Values::new();
    for table in &from.tables {
        let Some(next) = to.table(table.name) else {
            continue;
        };
        let mut kept = vec!["id"];
        for column in table
            .columns
            .iter()
            .filter(|column| column.computed.is_none())
        {
            let same = next.columns.iter().any(|other| {
                other.name == column.name && other.ty == column.ty && other.computed.is_none()
            });
            if same {
                kept.push(column.name);
            }
        }
        for column in kept {
            let text = match engine {
                Engine::MariaDb => format!("CAST({column} AS CHAR)"),
                Engine::Sqlite | Engine::Postgres => format!("CAST({column} AS TEXT)"),
            };
            let sql = format!("SELECT {text} FROM {} ORDER BY id", table.name);
            let rows = target
                .db
                .sql(sql)
                .fetch_with(|row| row.get::<Option<String>>(0));
            out.insert((table.name, column), rows.await.expect("the rows"));
        }
    }
    out
}

/// Two empty databases, used again by the next case unless this one fails.
type Pair = Option<(Target, Target)>;

async fn from_one_to_the_other(
    engine: Engine,
    [from, to]: [&[u8]; 2],
    pair: &mut Pair,
) -> Result<(), String> {
    let (from, to) = (Schema::new(engine, from), Schema::new(engine, to));
    let (left, right) = match pair.take() {
        Some(pair) => pair,
        None => (Target::new(engine).await, Target::new(engine).await),
    };
    left.run(&from.statements()).await;
    right.run(&to.statements()).await;
    left.run(&from.rows(&to)).await;
    let (before, aim) = (left.read().await, right.read().await);
    let kept = values(&left, engine, &from, &to).await;

    let there = draft(&before, &aim, &Renames::default());
    let story = |what: &str| {
        let (from, to) = (from.statements().join(";\n"), to.statements().join(";\n"));
        format!("{engine:?}: {what}\n--- from\n{from}\n--- to\n{to}\n--- draft\n{there}")
    };
    left.apply(&there)
        .await
        .map_err(|error| story(&error.to_string()))?;
    let left_over = |found, aim| -> Vec<String> {
        let changes = compare(found, aim);
        changes
            .iter()
            .map(|change| describe(change, "the result", "the aim"))
            .collect()
    };
    let after = left.read().await;
    if after != aim {
        let changes = left_over(&after, &aim);
        if !changes.is_empty() {
            return Err(story(&changes.join("\n")));
        }
    }
    let again = draft(&after, &aim, &Renames::default());
    if !again.is_empty() {
        return Err(story(&format!("a second draft is not empty: {again}")));
    }
    let found = values(&left, engine, &from, &to).await;
    if found != kept {
        return Err(story(&format!("rows differ: {kept:?} and now {found:?}")));
    }

    // And back, without rows, since some types do not take each other's values back.
    left.run(&to.emptied()).await;
    let back = draft(&after, &before, &Renames::default());
    let story = |what: &str| format!("{}\n--- back\n{back}", story(what));
    left.apply(&back)
        .await
        .map_err(|error| story(&error.to_string()))?;
    let changes = left_over(&left.read().await, &before);
    if !changes.is_empty() {
        return Err(story(&changes.join("\n")));
    }
    for target in [&left, &right] {
        let all = target.read().await;
        let gone = draft(&all, &Catalog::empty(all.dialect), &Renames::default());
        let done = target.apply(&gone).await;
        done.map_err(|error| story(&format!("{error}\n--- to nothing\n{gone}")))?;
        let left = target.read().await;
        if left != Catalog::empty(all.dialect) {
            return Err(story(&format!("{left:?} is left\n--- to nothing\n{gone}")));
        }
    }
    *pair = Some((left, right));
    Ok(())
}

/// Draws pairs of schemas, the same at each run.
fn draw(engine: Engine, cases: u32) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let bytes = || proptest::collection::vec(proptest::num::u8::ANY, 0..400);
    let pair = RefCell::new(None);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runner
        .run(&(bytes(), bytes()), |(from, to)| {
            let mut pair = pair.borrow_mut();
            runtime
                .block_on(from_one_to_the_other(engine, [&from, &to], &mut pair))
                .map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    if let Some((left, right)) = pair.take() {
        runtime.block_on(async {
            left.close().await;
            right.close().await;
        });
    }
}

#[test]
fn drafts_lead_from_one_schema_to_another_on_sqlite() {
    draw(Engine::Sqlite, 40);
}

#[test]
fn drafts_lead_from_one_schema_to_another_on_postgres() {
    if engines().contains(&Engine::Postgres) {
        draw(Engine::Postgres, 10);
    }
}

#[test]
fn drafts_lead_from_one_schema_to_another_on_mariadb() {
    if engines().contains(&Engine::MariaDb) {
        draw(Engine::MariaDb, 10);
    }
}
