//! Rows in bulk.

use std::sync::Arc;

use super::*;
use crate::driver::{BeginOptions, Load};
use crate::error::{ErrorKind, Outcome};
use crate::schema::{Automatic, ColumnModel, TableModel, TextForm};
use crate::value::ColumnType;

const fn column(name: &'static str, ty: ColumnType) -> ColumnModel {
    ColumnModel {
        name,
        field: name,
        ty,
        nullable: true,
        default: None,
        automatic: Automatic::No,
        form: TextForm::Line,
        rules: &[],
    }
}

/// The table of the fixture.
static T: TableModel = TableModel {
    name: "t",
    columns: &[
        column("id", ColumnType::I64),
        column("word", ColumnType::Text { max: None }),
    ],
    primary_key: &[0],
    uniques: &[],
    indexes: &[],
    foreign_keys: &[],
    checks: &[],
};

fn load(rows: Vec<Vec<Value>>) -> Load {
    let all = 0..rows.len();
    Load::new(&T, Arc::new([0, 1]), Arc::new(rows), all)
}

fn rows_from(first: i64, count: i64) -> Vec<Vec<Value>> {
    let row = |id: i64| vec![Value::I64(id), Value::Text(format!("w{id}"))];
    (first..first + count).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_loaded_within_a_transaction_that_writes() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let outside = writer.load(load(rows_from(0, 1))).await.unwrap_err();
    assert_eq!(outside.kind(), ErrorKind::TransactionClosed);

    writer.begin(BeginOptions::default()).await.unwrap();
    assert_eq!(writer.load(load(rows_from(0, 3_000))).await.unwrap(), 3_000);
    writer.commit().await.unwrap();
    assert_eq!(fixture.count().await, 3_000);

    let mut reader = fixture.reader().await;
    let outside = reader.load(load(rows_from(0, 1))).await.unwrap_err();
    assert_eq!(outside.kind(), ErrorKind::TransactionClosed);
    reader.begin(BeginOptions::default()).await.unwrap();
    let refused = reader.load(load(rows_from(0, 1))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    reader.rollback().await.unwrap();

    let only_reads = BeginOptions {
        read_only: true,
        ..BeginOptions::default()
    };
    writer.begin(only_reads).await.unwrap();
    let refused = writer.load(load(rows_from(9_000, 1))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    writer.rollback().await.unwrap();
    assert_eq!(fixture.count().await, 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_is_found_and_a_savepoint_undoes_the_others() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    writer.load(load(rows_from(0, 10))).await.unwrap();
    writer.savepoint("s1").await.unwrap();
    let mut rows = rows_from(100, 50);
    rows[40][1] = Value::Text("w7".to_owned());
    let wrong = load(rows);
    let error = writer.load(wrong.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.table(), Some("t"));
    assert!(error.columns().eq(["word"]));
    assert_eq!(wrong.suspects().len(), 10);
    writer.rollback_to("s1").await.unwrap();
    let narrow = load(vec![vec![Value::I64(60)]]);
    let error = writer.load(narrow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    writer.commit().await.unwrap();
    assert_eq!(fixture.count().await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_load_leaves_nothing() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    {
        let mut loading = writer.load(load(rows_from(0, 200_000)));
        assert!(futures_util::poll!(&mut loading).is_pending());
    }
    writer.recover().await;
    // Queued behind what was dropped.
    let mut other = fixture.writer();
    other.run(insert(1), &mut Ignore).await.unwrap();
    assert_eq!(fixture.count().await, 1);
}

/// A long load would keep those waiting whose commit it shares: it is to run by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_load_shares_its_commit_with_nobody() {
    let fixture = Fixture::with_table().await;
    for (count, goes) in [(1_000, true), (1_001, false)] {
        let mut holder = fixture.writer();
        let alone = BeginOptions {
            alone: true,
            ..BeginOptions::default()
        };
        holder.begin(alone).await.unwrap();
        let (mut first, mut second) = (fixture.writer(), fixture.writer());
        let mut neighbour =
            Box::pin(async { first.run(insert(50_000 + count), &mut Ignore).await });
        assert!(futures_util::poll!(&mut neighbour).is_pending());
        {
            let mut begun = second.begin(BeginOptions::default());
            assert!(futures_util::poll!(&mut begun).is_pending());
            holder.rollback().await.unwrap();
            begun.await.unwrap();
        }
        match second.load(load(rows_from(count * 1_000, count))).await {
            Ok(added) => {
                assert_eq!((added, goes), (1_000, true));
                second.commit().await.unwrap();
            }
            Err(error) => {
                assert!(error.is_again_alone() && !goes, "{error}");
                assert_eq!(error.outcome(), Outcome::NotApplied);
            }
        }
        neighbour.await.unwrap();
    }
    assert_eq!(fixture.count().await, 1_002);
}
