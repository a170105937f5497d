//! Ledgers and databases made up by hand and by chance.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn entry(kind: Kind, key: u128, told: Told) -> Entry {
    Entry {
        kind,
        key: Uuid::from_u128(key),
        begun: Duration::ZERO,
        ended: Duration::ZERO,
        told,
        code: None,
    }
}

fn numbers(verdict: &Verdict) -> [usize; 4] {
    let Verdict {
        missing,
        untrue,
        duplicates,
        halves,
        ..
    } = verdict;
    [*missing, *untrue, *duplicates, *halves]
}

fn with_item(version: i64, hits: i64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot
        .items
        .insert(Uuid::from_u128(1), vec![(version, hits)]);
    snapshot
}

#[test]
fn a_create_is_there_as_it_was_told() {
    let (there, gone) = (with_item(0, 0), Snapshot::default());
    for (told, with, without) in [
        (Told::Done, [0; 4], [1, 0, 0, 0]),
        (Told::Failed, [0, 1, 0, 0], [0; 4]),
        (Told::Unknown, [0; 4], [0; 4]),
        (Told::Dropped, [0; 4], [0; 4]),
    ] {
        let ledger = [entry(Kind::Create, 1, told)];
        assert_eq!(numbers(&judge(&ledger, &there)), with, "{told:?}");
        assert_eq!(numbers(&judge(&ledger, &gone)), without, "{told:?}");
    }
}

#[test]
fn an_item_that_was_made_twice_shows() {
    let mut snapshot = with_item(0, 0);
    snapshot
        .items
        .entry(Uuid::from_u128(1))
        .or_default()
        .push((0, 0));
    let ledger = [entry(Kind::Create, 1, Told::Done)];
    assert_eq!(numbers(&judge(&ledger, &snapshot)), [0, 0, 1, 0]);
}

#[test]
fn a_delete_is_judged_by_the_rows_absence() {
    let (there, gone) = (with_item(0, 0), Snapshot::default());
    for (told, with, without) in [
        (Told::Done, [1, 0, 0, 0], [0; 4]),
        (Told::Failed, [0; 4], [0, 1, 0, 0]),
        (Told::Unknown, [0; 4], [0; 4]),
    ] {
        let ledger = [
            entry(Kind::Create, 1, Told::Done),
            entry(Kind::Delete, 1, told),
        ];
        assert_eq!(numbers(&judge(&ledger, &there)), with, "{told:?}");
        assert_eq!(numbers(&judge(&ledger, &gone)), without, "{told:?}");
    }
}

#[test]
fn a_change_that_was_lost_told_wrongly_or_made_twice_shows() {
    let history = |last| {
        [
            entry(Kind::Create, 1, Told::Done),
            entry(Kind::Update, 1, Told::Done),
            entry(Kind::Update, 1, last),
        ]
    };
    for (last, version, hits, expected) in [
        (Told::Done, 2, 2, [0; 4]),
        (Told::Done, 1, 1, [1, 0, 0, 0]),
        (Told::Done, 2, 3, [0, 0, 1, 0]),
        (Told::Failed, 1, 1, [0; 4]),
        (Told::Failed, 2, 2, [0, 1, 0, 0]),
        (Told::Unknown, 1, 1, [0; 4]),
        (Told::Unknown, 2, 2, [0; 4]),
        (Told::Unknown, 2, 3, [0, 0, 1, 0]),
        (Told::Hung, 2, 2, [0; 4]),
    ] {
        let verdict = judge(&history(last), &with_item(version, hits));
        assert_eq!(numbers(&verdict), expected, "{last:?} {version} {hits}");
    }
}

#[test]
fn halves_and_repeated_transfers_show() {
    let op = Uuid::from_u128(9);
    let line = (op, 0, 1, 5);
    let ledger = [entry(Kind::Transfer, 9, Told::Unknown)];
    let mut snapshot = Snapshot {
        accounts: HashMap::from([(0, BALANCE - 5), (1, BALANCE + 5)]),
        journal: vec![line],
        ..Snapshot::default()
    };
    let verdict = judge(&ledger, &snapshot);
    assert_eq!(numbers(&verdict), [0; 4]);
    assert_eq!(
        (verdict.unknown.transactions, verdict.unknown.applied),
        (1, 1)
    );
    assert_eq!(verdict.unknown.all(), 1);

    snapshot.accounts.insert(1, BALANCE);
    assert_eq!(numbers(&judge(&ledger, &snapshot)), [0, 0, 0, 1]);

    snapshot.accounts = HashMap::from([(0, BALANCE - 10), (1, BALANCE + 10)]);
    snapshot.journal.push(line);
    assert_eq!(numbers(&judge(&ledger, &snapshot)), [0, 0, 1, 0]);
}

/// What a database that keeps its word may do with a write, by what was told about it.
fn honest(told: Told, chance: bool) -> bool {
    match told {
        Told::Done => true,
        Told::Failed => false,
        Told::Unknown | Told::Dropped | Told::Hung => chance,
    }
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        4 => Just(Told::Done),
        1 => Just(Told::Failed),
        1 => Just(Told::Unknown),
        1 => Just(Told::Dropped),
    ]
}

proptest! {
    #[test]
    fn a_database_that_keeps_its_word_is_never_accused_and_one_lie_is_always_found(
        writes in proptest::collection::vec((told(), any::<bool>(), 0..3_u8), 1..60),
        liar in any::<proptest::sample::Index>(),
    ) {
        let mut ledger = Vec::new();
        let mut snapshot = Snapshot {
            accounts: (0..4).map(|id| (id, BALANCE)).collect(),
            ..Snapshot::default()
        };
        for (number, (told, chance, kind)) in writes.iter().enumerate() {
            let key = number as u128 + 1;
            let uuid = Uuid::from_u128(key);
            let applied = honest(*told, *chance);
            let kind = match kind {
                0 => {
                    if applied {
                        snapshot.items.insert(uuid, vec![(0, 0)]);
                    }
                    Kind::Create
                }
                1 => {
                    if applied {
                        snapshot.events.insert(uuid, 1);
                    }
                    Kind::Append
                }
                _ => {
                    if applied {
                        let (source, target) = (number as i64 % 4, (number as i64 + 1) % 4);
                        *snapshot.accounts.entry(source).or_default() -= 3;
                        *snapshot.accounts.entry(target).or_default() += 3;
                        snapshot.journal.push((uuid, source, target, 3));
                    }
                    Kind::Transfer
                }
            };
            ledger.push(entry(kind, key, *told));
        }
        let verdict = judge(&ledger, &snapshot);
        prop_assert_eq!(numbers(&verdict), [0; 4]);

        // Now one caller was told the opposite.
        let liar = liar.index(ledger.len());
        let before = ledger[liar].told;
        let lie = match before {
            Told::Done => Told::Failed,
            Told::Failed => Told::Done,
            open => open,
        };
        ledger[liar].told = lie;
        let found = judge(&ledger, &snapshot);
        prop_assert_eq!(found.missing + found.untrue, usize::from(lie != before));
    }
}
