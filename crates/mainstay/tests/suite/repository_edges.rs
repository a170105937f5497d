//! What a repository does at its edges: patches that change nothing, upserts of partial rows,
//! cursors that were tampered with, filters beyond every bound.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::repository::{Cursor, Repository};
use mainstay::schema::{Filter, ddl};
use mainstay::{Database, Entity, ErrorKind, Insert, Patch, Projection, Schema};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "users", unique(email))]
struct User {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(max = 254)]
    email: String,
    #[entity(default = 0)]
    total_xp: i64,
    nick: Option<String>,
    score: f64,
    #[entity(created_at)]
    created_at: DateTime<Utc>,
    #[entity(updated_at)]
    updated_at: DateTime<Utc>,
    #[entity(version)]
    version: i64,
}

#[derive(Clone, Insert)]
#[insert(User)]
struct NewUser {
    email: String,
    score: f64,
}

#[derive(Default, Patch)]
#[patch(User)]
struct UserPatch {
    total_xp: Option<i64>,
    #[patch(expected_version)]
    version: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "tags")]
struct Tag {
    #[entity(key, auto)]
    id: i64,
    name: String,
}

#[derive(Insert)]
#[insert(Tag)]
struct NewTag {
    name: String,
}

struct Fixture {
    db: Database,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/x.db", folder.path().display());
        let config = ConfigLoader::new().set("url", url).load().unwrap();
        let db = Database::builder()
            .schema(Schema::new().with::<User>().with::<Tag>())
            .create_if_missing()
            .open(&config)
            .await
            .unwrap();
        for sql in ddl::create_all(db.dialect(), db.schema()).unwrap() {
            db.script(sql).await.unwrap();
        }
        Self {
            db,
            _folder: folder,
        }
    }

    fn users(&self) -> Repository<User> {
        self.db.repository()
    }

    async fn user(&self, number: u32) -> User {
        let email = format!("{number:03}@example.com");
        let score = f64::from(number);
        self.users().create(NewUser { email, score }).await.unwrap()
    }
}

#[tokio::test]
async fn a_patch_without_changes_still_checks_the_version() {
    let fixture = Fixture::new().await;
    let user = fixture.user(1).await;
    let users = fixture.users();
    let patch = |version| UserPatch {
        version: Some(version),
        ..UserPatch::default()
    };
    assert_eq!(users.update(user.id, patch(1)).await.unwrap(), user);
    let stale = users.update(user.id, patch(7)).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::WriteConflict);
    let missing = users.update(Uuid::nil(), patch(1)).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_change_of_many_rows_leaves_those_of_another_version() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.user(1).await, fixture.user(2).await);
    let users = fixture.users();
    users
        .update(first.id, [User::NICK.set(Some("ada".to_owned()))])
        .await
        .unwrap();
    let patch = UserPatch {
        total_xp: Some(5),
        version: Some(1),
    };
    assert_eq!(users.update_many(Filter::all(), patch).await.unwrap(), 1);
    let read = |id| users.find_by_id(id);
    assert_eq!(read(first.id).await.unwrap().unwrap().total_xp, 0);
    assert_eq!(read(second.id).await.unwrap().unwrap().total_xp, 5);
}

#[tokio::test]
async fn an_upsert_leaves_alone_what_it_is_not_given() {
    let fixture = Fixture::new().await;
    let user = fixture.user(1).await;
    let users = fixture.users();
    users
        .update(
            user.id,
            [
                User::TOTAL_XP.set(500),
                User::NICK.set(Some("ada".to_owned())),
            ],
        )
        .await
        .unwrap();
    let row = NewUser {
        email: user.email.clone(),
        score: 9.5,
    };
    let after = users.upsert(row, [User::EMAIL.any()]).await.unwrap();
    assert_eq!(
        (after.id, after.created_at, after.version),
        (user.id, user.created_at, 3)
    );
    assert_eq!((after.total_xp, after.nick.as_deref()), (500, Some("ada")));
    assert_eq!(after.score, 9.5);
    assert!(after.updated_at >= user.updated_at);
}

#[tokio::test]
async fn an_upsert_by_a_key_that_the_database_makes_is_a_new_row() {
    let fixture = Fixture::new().await;
    let tags = fixture.db.repository::<Tag>();
    let new = |name: &str| NewTag { name: name.into() };
    let first = tags.create(new("a")).await.unwrap();
    let second = tags.upsert(new("b"), []).await.unwrap();
    assert_eq!(second.name, "b");
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn pages_by_key_see_every_row_whatever_was_skipped_before() {
    let fixture = Fixture::new().await;
    for number in 0..10 {
        fixture.user(number).await;
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = fixture
            .users()
            .find_many()
            .order_by(User::SCORE.asc())
            .skip(2)
            .take(1)
            .page_after(cursor.take(), 3)
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|user| user.score));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..10).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn tampered_cursors_are_refused_as_such() {
    use base64::Engine as _;
    let fixture = Fixture::new().await;
    let id = Uuid::nil().to_string();
    let of = |json: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    // The order is by score (column 4), then by key (column 0).
    for text in [
        String::new(),
        "not base64!".to_owned(),
        of("{}".to_owned()),
        of(format!(r#"{{"o":"users+4+0","v":["NaN","{id}"]}}"#)),
        of(format!(r#"{{"o":"users+4+0","v":["inf","{id}"]}}"#)),
        of(format!(r#"{{"o":"users+4+0","v":[null,"{id}"]}}"#)),
        of(r#"{"o":"users+4+0","v":["1"]}"#.to_owned()),
        of(format!(r#"{{"o":"users-4+0","v":["1","{id}"]}}"#)),
        of(format!(r#"{{"o":"users+4+0","v":["1","{id}\u0000"]}}"#)),
        of(format!(r#"{{"o":"goals+4+0","v":["1","{id}"]}}"#)),
        of("[".repeat(4000)),
        of(format!(
            r#"{{"o":"users+4+0","v":["{}1","{id}"]}}"#,
            "0".repeat(20_000)
        )),
    ] {
        let cursor: Cursor = serde_json::from_value(text.clone().into()).unwrap();
        let error = fixture
            .users()
            .find_many()
            .order_by(User::SCORE.asc())
            .page_after(Some(cursor), 3)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation, "{text}: {error}");
        assert_eq!(error.fields().iter().next().unwrap().field, "cursor");
    }
    // What the others are made from is itself a cursor.
    let whole: Cursor = of(format!(r#"{{"o":"users+4+0","v":["1","{id}"]}}"#))
        .parse()
        .unwrap();
    let users = fixture.users();
    let find = users.find_many().order_by(User::SCORE.asc());
    assert!(find.page_after(Some(whole), 3).await.is_ok());
}

#[tokio::test]
async fn page_numbers_and_sizes_without_end_are_answered() {
    let fixture = Fixture::new().await;
    fixture.user(1).await;
    let users = fixture.users();
    let all = users.find_many().page(1, u64::MAX).await.unwrap();
    assert_eq!((all.items.len(), all.pages()), (1, 1));
    let beyond = users.find_many().page(u64::MAX, u64::MAX).await.unwrap();
    assert!(beyond.items.is_empty());
    let all = users.find_many().page_after(None, u64::MAX).await.unwrap();
    assert_eq!(all.items.len(), 1);
    let rest = users.find_many().skip(u64::MAX).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn filters_beyond_every_bound_are_refused_clearly() {
    let fixture = Fixture::new().await;
    let user = fixture.user(1).await;
    let users = fixture.users();
    let one = || User::EMAIL.eq("001@example.com".to_owned());
    let refused = [
        users.count((0..100_000).fold(one(), |filter, _| filter.or(one()))),
        users.count((0..100_000).fold(one(), |filter, _| filter.and(one()).or(one()))),
        users.count(User::TOTAL_XP.is_in(0..100_000)),
    ];
    for request in refused {
        let error = request.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.hint().is_some());
    }
    // Within the bounds it works on the engine too.
    let many = (0..700).fold(one(), |filter, _| filter.or(one()));
    assert_eq!(users.count(many).await.unwrap(), 1);
    let deep = (0..45).fold(one(), |filter, _| filter.and(one()).or(one()));
    assert_eq!(users.count(deep).await.unwrap(), 1);
    assert_eq!(
        users.count(User::TOTAL_XP.is_in(0..30_000)).await.unwrap(),
        1
    );
    let related = users
        .find_related(User::TOTAL_XP, 0..100_000)
        .await
        .unwrap();
    assert_eq!(related.of(&0), [user]);
}

#[tokio::test]
async fn values_stay_out_of_debug_texts() {
    let fixture = Fixture::new().await;
    let filter = User::EMAIL.eq("secret".to_owned());
    let sql = fixture.db.sql("SELECT ?").bind("secret");
    let find = fixture.users().find_many().filter(filter.clone());
    assert!(!format!("{filter:?}{sql:?}{find:?}").contains("secret"));
}

#[tokio::test]
async fn a_time_limit_is_for_the_whole_call() {
    let fixture = Fixture::new().await;
    fixture.user(1).await;
    // A thousand statements, each of them well within the limit.
    let error = fixture
        .users()
        .find_related(User::TOTAL_XP, 0..1_000_000)
        .timeout(Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
}

#[tokio::test]
async fn a_key_can_be_changed() {
    let fixture = Fixture::new().await;
    let user = fixture.user(1).await;
    let id = Uuid::from_u128(7);
    let after = fixture
        .users()
        .update(user.id, [User::ID.set(id)])
        .await
        .unwrap();
    assert_eq!(after.id, id);
}

#[tokio::test]
async fn a_stream_held_inside_a_transaction_blocks_nothing_for_ever() {
    use futures_util::StreamExt as _;
    let fixture = Fixture::new().await;
    for number in 0..3 {
        fixture.user(number).await;
    }
    fixture
        .db
        .sql(
            "INSERT INTO users SELECT lower(hex(randomblob(16))), lower(hex(randomblob(9))), x, NULL, 0, \
             created_at, updated_at, 1 FROM users, \
             (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5000) \
             SELECT x FROM c) LIMIT 5000",
        )
        .execute()
        .await
        .unwrap();
    let error = fixture
        .db
        .transaction(|tx| async move {
            let users = tx.repository::<User>();
            let mut stream = users.find_many().project::<Score>().stream();
            stream.next().await.unwrap()?;
            let waited = users
                .count(Filter::all())
                .timeout(Duration::from_millis(50))
                .await
                .unwrap_err();
            assert_eq!(waited.kind(), ErrorKind::Deadline);
            drop(stream);
            // Dropped half way, it has interrupted the transaction.
            let after = users.count(Filter::all()).await.unwrap_err();
            assert_eq!(after.kind(), ErrorKind::TransactionClosed);
            Ok::<_, mainstay::Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    // On the handle a stream may be dropped at any time.
    let mut stream = fixture.users().find_many().project::<Score>().stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(fixture.users().count(Filter::all()).await.unwrap(), 5003);
    fixture.db.close(Duration::from_secs(5)).await.unwrap();
}

#[derive(Projection)]
#[projection(User)]
struct Score {
    #[allow(dead_code, reason = "only read")]
    score: f64,
}
