//! Calls whose connection ends between sending and reply.
//!
//! Where there is no wire the same calls run undisturbed: their answers are the same.

use std::collections::BTreeSet;
use std::future::IntoFuture;

use mainstay::schema::Filter;
use mainstay::{Database, Error, ErrorKind, Outcome};
use tokio::net::lookup_host;
use uuid::Uuid;

use super::entities::{Account, Author, NewAuthor};
use super::support::{PATIENCE, at_rest};
use crate::proxy::{Ending, Fault, FaultProxy};
use crate::{Engine, Fixture};

/// A handle whose connections a proxy can break, where there are any.
struct Wire {
    db: Database,
    proxy: Option<FaultProxy>,
}

impl Wire {
    async fn new(fx: &Fixture, settings: &[(&str, &str)]) -> Self {
        let mut settings = settings.to_vec();
        let Some(url) = fx.server_url() else {
            return Self {
                db: fx.open(&settings).await.unwrap(),
                proxy: None,
            };
        };
        let mut address = lookup_host((url.host(), url.port())).await.unwrap();
        let proxy = FaultProxy::start(address.next().unwrap()).await.unwrap();
        let through = url.through_port(proxy.address().port());
        settings.extend([("url", through.as_str()), ("tls", "disable")]);
        Self {
            db: fx.open(&settings).await.unwrap(),
            proxy: Some(proxy),
        }
    }

    fn inject(&self, fault: Fault) {
        if let Some(proxy) = &self.proxy {
            proxy.inject(fault);
        }
    }

    fn assert_struck(&self, times: usize) {
        if let Some(proxy) = &self.proxy {
            assert_eq!(proxy.struck(), times);
        }
    }
}

fn new_author(number: usize) -> NewAuthor {
    NewAuthor::named(&format!("a{number}"))
}

/// What only a COMMIT has in it, unlike READ COMMITTED: the end of its text on PostgreSQL, the
/// command before it on MariaDB.
fn commit_on_the_wire(fx: &Fixture) -> &'static [u8] {
    match fx.engine() {
        Engine::MariaDb => b"\x03COMMIT",
        Engine::Postgres | Engine::Sqlite => b"COMMIT\0",
    }
}

const FAULTS: [Fault; 4] = [
    Fault::LoseReply(Ending::Reset),
    Fault::LoseReply(Ending::Close),
    Fault::LoseRequest(Ending::Reset),
    Fault::LoseRequest(Ending::Close),
];

/// One create at a time: whether the server has it or never saw it, the caller gets its row, and
/// there is one of it.
pub async fn a_create_is_done_once(fx: &Fixture) {
    let wire = Wire::new(fx, &[("pool.min", "1"), ("pool.max", "1")]).await;
    let authors = wire.db.repository::<Author>();
    for coalesce in [true, false] {
        for (number, fault) in FAULTS.into_iter().enumerate() {
            let number = number + if coalesce { 0 } else { 10 };
            // The statement is prepared, so that what is lost is the insert itself.
            authors.create(new_author(number + 100)).await.unwrap();
            let request = authors.create(new_author(number)).timeout(PATIENCE);
            wire.inject(fault);
            let made = if coalesce {
                request.await.unwrap()
            } else {
                request.no_coalesce().await.unwrap()
            };
            let there = fx.db().repository::<Author>();
            assert_eq!(there.find_by_id(made.id).await.unwrap(), Some(made));
        }
    }
    wire.assert_struck(2 * FAULTS.len());
    let all = fx
        .db()
        .repository::<Author>()
        .count(Filter::all())
        .await
        .unwrap();
    assert_eq!(all, 4 * FAULTS.len() as u64);
    at_rest(&wire.db).await;
}

/// Many at once, joined or not: nobody is told that it is unknown, and there is one row of each.
pub async fn creates_of_many_callers_are_done_once(fx: &Fixture) {
    let wire = Wire::new(fx, &[("pool.max", "3")]).await;
    let authors = wire.db.repository::<Author>();
    let mut made = BTreeSet::new();
    for (round, fault) in FAULTS.into_iter().enumerate() {
        let create = |number| {
            authors
                .create(new_author(round * 1000 + number))
                .timeout(PATIENCE)
        };
        let warm = (0..50).map(create).map(IntoFuture::into_future);
        for row in futures_util::future::join_all(warm).await {
            made.insert(row.unwrap().id);
        }
        let calls = (100..200).map(create).map(IntoFuture::into_future);
        wire.inject(fault);
        for row in futures_util::future::join_all(calls).await {
            made.insert(row.unwrap().id);
        }
    }
    wire.assert_struck(FAULTS.len());
    let rows = fx.db().repository::<Author>().find_many().await.unwrap();
    let there: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
    assert_eq!(there, made);
    assert_eq!(rows.len(), 150 * FAULTS.len());
}

/// Many rows of one call, by one statement and by the engine's way to load them: they are there
/// once, all of them, and the caller is told how many.
pub async fn many_rows_are_made_once(fx: &Fixture) {
    let wire = Wire::new(fx, &[("pool.min", "1"), ("pool.max", "2")]).await;
    let authors = wire.db.repository::<Author>();
    let mut number = 0;
    let mut some = |count: usize| {
        number += count;
        (number - count..number).map(new_author).collect::<Vec<_>>()
    };
    let mut total = 0;
    for fault in FAULTS {
        for (count, needle) in [(3, &b""[..]), (2_000, commit_on_the_wire(fx))] {
            // With the same before, the statements are prepared.
            for strikes in [false, true] {
                let rows = some(count);
                if strikes && let Some(proxy) = &wire.proxy {
                    proxy.inject_on(needle, fault);
                }
                let made = authors.create_many(rows).timeout(PATIENCE).await.unwrap();
                assert_eq!(made, count as u64, "{fault:?}");
                total += made;
            }
        }
        let all = fx.db().repository::<Author>().count(Filter::all()).await;
        assert_eq!(all.unwrap(), total, "{fault:?}");
    }
    wire.assert_struck(2 * FAULTS.len());
    at_rest(&wire.db).await;
}

/// With a key that the caller gave nothing can be told from what is there: somebody else may have
/// made it.
pub async fn a_key_of_the_callers_own_proves_nothing(fx: &Fixture) {
    let wire = Wire::new(fx, &[("pool.min", "1"), ("pool.max", "1")]).await;
    let authors = wire.db.repository::<Author>();
    authors.create(new_author(1)).await.unwrap();
    let given = Author {
        id: Uuid::from_u128(7),
        ..authors.create(new_author(2)).await.unwrap()
    };
    let given = Author {
        email: "a3@example.com".into(),
        ..given
    };
    let request = authors.create(given.clone());
    wire.inject(Fault::LoseReply(Ending::Reset));
    match request.await {
        Ok(made) => {
            assert!(wire.proxy.is_none());
            assert_eq!(made.email, given.email);
        }
        Err(error) => {
            assert!(wire.proxy.is_some());
            assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        }
    }
}

/// With a row in the ledger a lost COMMIT is found out about: the closure's work is there once, and
/// the caller is told so.
pub async fn a_transaction_in_the_ledger_is_done_once(fx: &Fixture) {
    let wire = Wire::new(fx, &[("pool.min", "1"), ("pool.max", "2")]).await;
    let accounts = fx.db().repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let mut total = 0;
    for fault in FAULTS {
        for _ in 0..2 {
            total += 1;
            // The second time the COMMIT is lost. With the first all statements are known.
            let strikes = total % 2 == 0;
            let wire = &wire;
            let raise = wire.db.transaction(move |tx| async move {
                let accounts = tx.repository::<Account>();
                accounts.update(1, [Account::BALANCE.increment(1)]).await?;
                Ok::<_, Error>(())
            });
            if strikes && let Some(proxy) = &wire.proxy {
                proxy.inject_on(commit_on_the_wire(fx), fault);
            }
            raise.ledger().timeout(PATIENCE).await.unwrap();
        }
        let stored = accounts.find_by_id(1).await.unwrap().unwrap();
        assert_eq!(stored.balance, total, "{fault:?}");
    }
    wire.assert_struck(FAULTS.len());
    at_rest(&wire.db).await;
}

/// Without it, the engine is asked where it keeps account of its transactions. Elsewhere nothing is
/// claimed that is not known: the caller is told that the outcome is unknown.
pub async fn a_transaction_whose_commit_is_lost_is_done_once_or_unknown(fx: &Fixture) {
    let wire = Wire::new(fx, &[("pool.min", "1"), ("pool.max", "2")]).await;
    let accounts = fx.db().repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let is_known = wire.proxy.is_none() || wire.db.capabilities().transaction_status;
    let mut done = 0;
    for (number, fault) in FAULTS.into_iter().enumerate() {
        let raise = wire.db.transaction(|tx| async move {
            let accounts = tx.repository::<Account>();
            accounts.update(1, [Account::BALANCE.increment(1)]).await?;
            Ok::<_, Error>(())
        });
        if let Some(proxy) = &wire.proxy {
            proxy.inject_on(commit_on_the_wire(fx), fault);
        }
        match raise.timeout(PATIENCE).await {
            Ok(()) => {
                assert!(is_known, "{number}");
                done += 1;
                let stored = accounts.find_by_id(1).await.unwrap().unwrap();
                assert_eq!(stored.balance, done, "{fault:?}");
            }
            Err(error) => {
                assert!(!is_known, "{number} {error:?}");
                assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{number} {error:?}");
                assert_eq!(error.outcome(), Outcome::Unknown);
            }
        }
    }
    wire.assert_struck(FAULTS.len());
    at_rest(&wire.db).await;
}
