//! The proof of "nothing lost, nothing leaked": a future is dropped at each of its await points in
//! turn, and after each drop the pool is whole, no transaction is left on the server, no half-done
//! work is to be seen, the handle works, and nothing that was reported done is missing.

use std::panic::Location;
use std::time::Duration;

use futures_util::StreamExt;
use mainstay::driver::BoxFuture;
use mainstay::schema::Filter;
use mainstay::{Database, Error, ErrorKind};
use tokio::time::Instant;

use super::entities::{Account, Author, Book, Item, NewAuthor, NewBook};
use super::support::{Moment, PATIENCE, at_rest, eventually, run_until};
use crate::{Engine, Fixture};

/// More suspensions than any operation here has.
const MOST: usize = 5_000;

/// What is dropped, and a handle that looks from outside.
struct Stage {
    engine: Engine,
    db: Database,
    probe: Database,
}

impl Stage {
    async fn set(fx: &Fixture) -> Self {
        let small = [("pool.max", "2"), ("pool.min", "1")];
        let one = [("pool.max", "1"), ("pool.min", "1")];
        Self {
            engine: fx.engine(),
            db: fx.open(&small).await.unwrap(),
            probe: fx.open(&one).await.unwrap(),
        }
    }

    /// Starts an operation again and again, drops each at a later point until one ends by itself,
    /// and has `check` look at what is to be seen after each. The operation is given the number
    /// of the attempt, to leave traces that can be told apart.
    async fn drop_everywhere<T>(
        &self,
        start: impl Fn(i64) -> BoxFuture<'static, Result<T, Error>>,
        mut check: impl AsyncFnMut(i64, Option<T>),
    ) {
        let mut attempt = 0;
        let at = (0..MOST).map(Moment::At);
        let woken = (1..MOST).map(Moment::WhenWoken);
        let after = (0..40)
            .map(|step| Moment::After(Duration::from_micros(20).mul_f64(1.3_f64.powi(step))));
        let sweeps: [&mut dyn Iterator<Item = Moment>; 3] =
            [&mut { at }, &mut { woken }, &mut { after }];
        for moments in sweeps {
            let mut ended = false;
            for moment in moments {
                attempt += 1;
                let outcome = run_until(start(attempt), moment).await;
                ended = outcome.is_some();
                let value = outcome.map(|result| {
                    result.unwrap_or_else(|error| panic!("dropped {moment:?}: {error:?}"))
                });
                self.assert_clean(moment).await;
                check(attempt, value).await;
                if ended {
                    break;
                }
            }
            assert!(ended, "the operation never ended");
        }
    }

    /// The pool is whole, the server has no transaction of ours, and all connections can be had.
    async fn assert_clean(&self, moment: Moment) {
        at_rest(&self.db).await;
        eventually(
            &format!("no transaction is left, dropped {moment:?}"),
            async || self.transactions(PATIENCE).await == 0,
        )
        .await;
        let deadline = Instant::now() + PATIENCE;
        let mut guards = Vec::new();
        for _ in 0..2 {
            let guard = self.db.pool().acquire(deadline, Location::caller()).await;
            guards.push(guard.unwrap_or_else(|error| panic!("dropped {moment:?}: {error:?}")));
        }
    }

    /// Open transactions of other sessions on this database.
    async fn transactions(&self, patience: Duration) -> usize {
        match self.engine {
            // One writer: whether it is free shows when it is asked for.
            Engine::Sqlite => {
                let write = "UPDATE accounts SET balance = balance WHERE id = -1";
                let write = self.probe.sql(write).timeout(patience).execute().await;
                usize::from(write.is_err())
            }
            Engine::Postgres => {
                let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = \
                     current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
                let open = self.probe.sql(sql).scalar::<i64>().await.unwrap();
                usize::try_from(open).unwrap()
            }
            Engine::MariaDb => {
                let ids = "SELECT id FROM information_schema.processlist \
                     WHERE db = database() AND id <> connection_id()";
                let ids = self.probe.sql(ids).fetch_with(|row| row.get::<i64>(0));
                let ids = ids.await.unwrap();
                // The table innodb_trx would be simpler, but it is a cache that is not refreshed
                // as long as anybody on the server looks at it every 0.1 s.
                let status = self.probe.sql("SHOW ENGINE INNODB STATUS");
                let status = status.fetch_with(|row| row.get::<String>(2)).await.unwrap();
                let is_ours = |block: &str| {
                    block.contains(", ACTIVE")
                        && ids
                            .iter()
                            .any(|id| block.contains(&format!("thread id {id},")))
                };
                let blocks = status[0].split("---TRANSACTION ").skip(1);
                blocks.filter(|block| is_ours(block)).count()
            }
        }
    }
}

fn item(id: i64) -> Item {
    Item::new(id, Some(1), "x")
}

/// The outside view that the other cases rely on does see a transaction that is open.
pub async fn an_open_transaction_is_seen(fx: &Fixture) {
    let stage = &Stage::set(fx).await;
    assert_eq!(stage.transactions(PATIENCE).await, 0);
    let seen = stage
        .db
        .transaction(|tx| async move {
            tx.repository::<Account>()
                .create(Account { id: 1, balance: 0 })
                .await?;
            Ok::<_, Error>(stage.transactions(Duration::from_millis(50)).await)
        })
        .await;
    assert_eq!(seen.unwrap(), 1);
    stage.assert_clean(Moment::At(0)).await;
}

/// A read.
pub async fn a_dropped_find(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let rows = (0..300).map(item);
    fx.db()
        .repository::<Item>()
        .create_many(rows)
        .await
        .unwrap();
    let db = stage.db.clone();
    let find = move |_| db.repository::<Item>().find_many().into_future();
    stage
        .drop_everywhere(find, async |_, found| {
            assert!(found.is_none_or(|rows| rows.len() == 300));
        })
        .await;
}

/// A single insert: the row is there or not, and it is there when that was reported.
pub async fn a_dropped_create(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let items = stage.db.repository::<Item>();
    let create = move |attempt| items.create(item(attempt)).into_future();
    let look = stage.probe.repository::<Item>();
    stage
        .drop_everywhere(create, async |attempt, made| {
            let found = look.find_by_id(attempt).await.unwrap();
            assert!(found.is_none() || found == Some(item(attempt)));
            assert!(made.is_none() || found == made, "reported, but missing");
        })
        .await;
}

/// A single update: it happened once or not at all.
pub async fn a_dropped_update(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let accounts = stage.db.repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let update = move |_| {
        accounts
            .update(1, [Account::BALANCE.increment(1)])
            .into_future()
    };
    let look = stage.probe.repository::<Account>();
    let mut before = 0;
    stage
        .drop_everywhere(update, async |_, changed| {
            let now = look.find_by_id(1).await.unwrap().unwrap().balance;
            assert!(now == before || now == before + 1, "{before} became {now}");
            assert!(
                changed.is_none_or(|row| row.balance == now),
                "reported, but missing"
            );
            before = now;
        })
        .await;
}

/// A stream, dropped anywhere between its start and its end.
pub async fn a_dropped_stream(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let rows = (0..700).map(item);
    fx.db()
        .repository::<Item>()
        .create_many(rows)
        .await
        .unwrap();
    let db = stage.db.clone();
    let read = move |_| -> BoxFuture<'static, Result<usize, Error>> {
        let mut stream = db.repository::<Item>().find_many().stream();
        Box::pin(async move {
            let mut seen = 0;
            while let Some(item) = stream.next().await {
                item?;
                seen += 1;
            }
            Ok(seen)
        })
    };
    stage
        .drop_everywhere(read, async |_, seen| {
            assert!(seen.is_none_or(|seen| seen == 700))
        })
        .await;
}

/// Many rows by several statements: all or none.
pub async fn a_dropped_create_many(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let items = stage.db.repository::<Item>();
    let create = move |attempt: i64| {
        let rows = (0..1_200).map(move |row| Item {
            score: attempt as f64,
            ..item(attempt * 10_000 + row)
        });
        items.create_many(rows).into_future()
    };
    let look = stage.probe.repository::<Item>();
    stage
        .drop_everywhere(create, async |attempt, made| {
            let found = look.count(Item::SCORE.eq(attempt as f64)).await.unwrap();
            assert!(found == 0 || found == 1_200, "{found} of 1200 rows");
            assert!(made.is_none() || found == 1_200, "reported, but missing");
        })
        .await;
}

/// A batch: all of it or nothing.
pub async fn a_dropped_batch(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let db = stage.db.clone();
    let run = move |attempt: i64| {
        let batch = db
            .batch()
            .create::<Item>(item(attempt * 10))
            .create::<Item>(item(attempt * 10 + 1))
            .update::<Item>(attempt * 10, [Item::RANK.increment(1)]);
        batch.into_future()
    };
    let look = stage.probe.repository::<Item>();
    stage
        .drop_everywhere(run, async |attempt, reported| {
            let ours = Item::ID.between(attempt * 10, attempt * 10 + 9);
            let found = look.find_many().filter(ours).by_key().await.unwrap();
            let ranks: Vec<_> = found.iter().filter_map(|item| item.rank).collect();
            assert!(ranks.is_empty() || ranks == [2, 1], "half done: {ranks:?}");
            assert!(
                reported.is_none_or(|changed| changed == [1, 1, 1] && ranks == [2, 1]),
                "reported, but missing"
            );
        })
        .await;
}

/// A transaction of several statements, its COMMIT included: all of it or nothing.
pub async fn a_dropped_transaction(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let accounts = stage.db.repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let db = stage.db.clone();
    let run = move |attempt: i64| -> BoxFuture<'static, Result<(), Error>> {
        let db = db.clone();
        Box::pin(async move {
            db.transaction(|tx| async move {
                let name = format!("author{attempt}");
                let author = tx
                    .repository::<Author>()
                    .create(NewAuthor::named(&name))
                    .await?;
                let books = tx.repository::<Book>();
                books.create(NewBook::by(author.id, "One")).await?;
                books.create(NewBook::by(author.id, "Two")).await?;
                let accounts = tx.repository::<Account>();
                accounts.find_for_update(1).await?;
                accounts.update(1, [Account::BALANCE.increment(1)]).await?;
                Ok(())
            })
            .await
        })
    };
    let (authors, books) = (
        stage.probe.repository::<Author>(),
        stage.probe.repository::<Book>(),
    );
    let accounts = stage.probe.repository::<Account>();
    let mut done = 0;
    stage
        .drop_everywhere(run, async |attempt, reported| {
            let email = format!("author{attempt}@example.com");
            let author = authors.find_one(Author::EMAIL.eq(email)).await.unwrap();
            let parts = match &author {
                None => 0,
                Some(author) => books.count(Book::AUTHOR_ID.eq(author.id)).await.unwrap(),
            };
            assert_eq!(parts, if author.is_some() { 2 } else { 0 }, "half done");
            done += i64::from(author.is_some());
            let balance = accounts.find_by_id(1).await.unwrap().unwrap().balance;
            assert_eq!(balance, done, "half done");
            assert!(
                reported.is_none() || author.is_some(),
                "reported, but missing"
            );
        })
        .await;
    assert_eq!(
        books.count(Filter::all()).await.unwrap(),
        done.unsigned_abs() * 2
    );
}

/// Savepoints, one kept and one undone, inside a transaction that is dropped.
pub async fn a_dropped_savepoint(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let db = stage.db.clone();
    let run = move |attempt: i64| -> BoxFuture<'static, Result<(), Error>> {
        let db = db.clone();
        Box::pin(async move {
            db.transaction(|tx| async move {
                let base = attempt * 10;
                tx.savepoint(|tx| async move { tx.repository::<Item>().create(item(base)).await })
                    .await?;
                let undone = tx
                    .savepoint(|tx| async move {
                        tx.repository::<Item>().create(item(base + 1)).await?;
                        tx.repository::<Item>().create(item(base)).await
                    })
                    .await;
                match undone {
                    Err(error) if error.kind() == ErrorKind::Duplicate => {}
                    other => panic!("the duplicate was not refused: {other:?}"),
                }
                tx.repository::<Item>().create(item(base + 2)).await?;
                Ok(())
            })
            .await
        })
    };
    let look = stage.probe.repository::<Item>();
    stage
        .drop_everywhere(run, async |attempt, reported| {
            let base = attempt * 10;
            let found = look
                .find_many()
                .filter(Item::ID.between(base, base + 9))
                .by_key();
            let found: Vec<_> = found.await.unwrap().iter().map(|i| i.id - base).collect();
            assert!(found.is_empty() || found == [0, 2], "half done: {found:?}");
            assert!(
                reported.is_none() || found == [0, 2],
                "reported, but missing"
            );
        })
        .await;
}

/// A call dropped inside a transaction that goes on: the transaction cannot commit without it.
pub async fn a_call_dropped_inside_a_transaction(fx: &Fixture) {
    let stage = Stage::set(fx).await;
    let look = stage.probe.repository::<Item>();
    for polls in 0..MOST as i64 {
        for woken in [false, true] {
            let moment = match woken {
                true => Moment::WhenWoken(polls as usize),
                false => Moment::At(polls as usize),
            };
            let base = polls * 10 + i64::from(woken) * 5;
            let result = stage
                .db
                .transaction(|tx| async move {
                    let items = tx.repository::<Item>();
                    items.create(item(base)).await?;
                    let dropped = run_until(items.create(item(base + 1)).into_future(), moment);
                    let ended = dropped.await.transpose()?.is_some();
                    Ok::<_, Error>(ended)
                })
                .await;
            stage.assert_clean(moment).await;
            let found = look.count(Item::ID.between(base, base + 4)).await.unwrap();
            match result {
                Ok(true) => assert_eq!(found, 2, "reported, but missing"),
                // Dropped before it started: as if it had never been asked for.
                Ok(false) => assert_eq!((polls, found), (0, 1), "dropped {moment:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TransactionClosed, "{error:?}");
                    assert_eq!(found, 0, "half done");
                }
            }
            if woken && found == 2 {
                return;
            }
        }
    }
    panic!("the call never ended");
}
