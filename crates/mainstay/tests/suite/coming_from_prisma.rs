//! The rows of `docs/coming-from-prisma.md`: each call there is made here once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::driver::Isolation;
use mainstay::schema::ddl;
use mainstay::{Database, Entity, Error, Insert, Patch, Projection, Schema};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "users", unique(email))]
struct User {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(max = 254, email, lowercase, message(email = "Invalid email format"))]
    email: String,
    #[entity(
        min = 1,
        max = 100,
        message(min = "Name is required", max = "Name too long")
    )]
    name: String,
    #[entity(default = 0, min = 0)]
    total_xp: i64,
    deleted_at: Option<DateTime<Utc>>,
    #[entity(created_at)]
    created_at: DateTime<Utc>,
    #[entity(updated_at)]
    updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "goals", index(user_id))]
struct Goal {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(min = 1, max = 200)]
    title: String,
    #[entity(references(User::id, on_delete = cascade))]
    user_id: Uuid,
}

#[derive(Insert)]
#[insert(User)]
struct NewUser {
    email: String,
    name: String,
}

#[derive(Insert)]
#[insert(Goal)]
struct NewGoal {
    title: String,
    user_id: Uuid,
}

#[derive(Default, Patch)]
#[patch(User)]
struct UserPatch {
    name: Option<String>,
}

#[derive(Debug, PartialEq, Projection)]
#[projection(User)]
struct UserName {
    id: Uuid,
    name: String,
}

fn user(name: &str) -> NewUser {
    NewUser {
        email: format!("{name}@example.com"),
        name: name.to_owned(),
    }
}

async fn database(folder: &tempfile::TempDir) -> Database {
    let url = format!("sqlite:{}", folder.path().join("prisma.db").display());
    let config = ConfigLoader::new().set("url", url).load().unwrap();
    let schema = Schema::new().with::<User>().with::<Goal>();
    let builder = Database::builder().schema(schema).create_if_missing();
    let db = builder.open(&config).await.unwrap();
    for sql in ddl::create_all(db.dialect(), db.schema()).unwrap() {
        db.script(sql).await.unwrap();
    }
    db
}

#[tokio::test]
async fn reads_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(&folder).await;
    let users = db.repository::<User>();
    let goals = db.repository::<Goal>();

    let ada = users.create(user("ada")).await.unwrap();
    let made = users
        .create_many([user("ben"), user("cleo")])
        .await
        .unwrap();
    assert_eq!(made, 2);
    assert!(
        users
            .create_many([user("dora"), user("ada")])
            .await
            .is_err()
    );
    assert_eq!(users.count(User::NAME.eq("dora")).await.unwrap(), 0);

    assert_eq!(users.find_by_id(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(users.find_by_id(Uuid::nil()).await.unwrap(), None);
    let found = users
        .find_one(User::EMAIL.eq("ben@example.com"))
        .await
        .unwrap();
    assert_eq!(found.map(|user| user.name).as_deref(), Some("ben"));
    let by_name = || users.find_many().order_by(User::NAME.asc());
    let rest = by_name().take(10).skip(1).await.unwrap();
    assert_eq!(rest.len(), 2);
    let first = by_name().page_after(None, 2).await.unwrap();
    let second = by_name().page_after(first.next, 2).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (2, 1));
    let names = by_name().project::<UserName>().await.unwrap();
    assert_eq!(names[0].name, "ada");

    let title = "Run".to_owned();
    let goal = NewGoal {
        title,
        user_id: ada.id,
    };
    goals.create(goal).await.unwrap();
    let ids = names.iter().map(|user| user.id);
    let related = goals.find_related(Goal::USER_ID, ids).await.unwrap();
    assert_eq!(related.of(&ada.id).len(), 1);

    let name = Some("Ada".to_owned());
    let changed = users.update(ada.id, UserPatch { name }).await.unwrap();
    assert_eq!(changed.name, "Ada");
    let changed = users.update(ada.id, [User::TOTAL_XP.increment(10)]).await;
    assert_eq!(changed.unwrap().total_xp, 10);
    let low = User::TOTAL_XP.ge(0).and(User::TOTAL_XP.lt(10));
    let patch = [User::TOTAL_XP.set(5)];
    assert_eq!(users.update_many(low, patch).await.unwrap(), 2);
    let sums = users.aggregate().count().sum(User::TOTAL_XP).await.unwrap();
    assert_eq!(sums[0].value::<i64>(0).unwrap(), 3);
    assert_eq!(sums[0].value::<i64>(1).unwrap(), 20);
    let groups = users.aggregate().group_by([User::TOTAL_XP.any()]).count();
    assert_eq!(groups.await.unwrap().len(), 2);

    let again = users
        .upsert(user("ada"), [User::EMAIL.any()])
        .await
        .unwrap();
    assert_eq!((again.id, again.name.as_str()), (ada.id, "ada"));

    let gone = users.delete(ada.id).await.unwrap();
    assert_eq!(gone.email, "ada@example.com");
    assert_eq!(
        goals.count(mainstay::schema::Filter::all()).await.unwrap(),
        0
    );
    let missing = users.delete(ada.id).await.unwrap_err();
    assert_eq!(
        (missing.code(), missing.prisma_code()),
        ("NOT_FOUND", Some("P2025"))
    );
    let left = users.delete_many(User::NAME.ne("nobody")).await.unwrap();
    assert_eq!(left, 2);
    db.close(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn filters() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(&folder).await;
    let users = db.repository::<User>();
    let ada = users.create(user("ada")).await.unwrap();
    users.create(user("Ben")).await.unwrap();
    for (filter, count) in [
        (User::EMAIL.eq("ada@example.com"), 1),
        (User::ID.is_in([ada.id]), 1),
        (User::ID.not_in([ada.id]), 1),
        (User::NAME.contains("A"), 0),
        (User::NAME.contains("d"), 1),
        (User::NAME.starts_with("B"), 1),
        (User::NAME.ends_with("a"), 1),
        (User::DELETED_AT.is_null(), 2),
        (User::DELETED_AT.is_not_null(), 0),
        (User::NAME.eq("ada").or(User::NAME.eq("Ben")), 2),
        (User::NAME.eq("ada").and(User::NAME.eq("Ben")), 0),
        (User::NAME.eq("ada").not(), 1),
    ] {
        let shown = format!("{filter:?}");
        assert_eq!(users.count(filter).await.unwrap(), count, "{shown}");
    }
}

#[tokio::test]
async fn transactions_and_hand_written_sql() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(&folder).await;
    let ada = db
        .transaction(|tx| async move {
            let ada = tx.repository::<User>().create(user("ada")).await?;
            let title = "Run".to_owned();
            let goal = NewGoal {
                title,
                user_id: ada.id,
            };
            tx.repository::<Goal>().create(goal).await?;
            Ok::<_, Error>(ada)
        })
        .isolation(Isolation::Serializable)
        .timeout(Duration::from_secs(5))
        .max_attempts(1)
        .await
        .unwrap();
    let found: Vec<UserName> = db
        .sql("SELECT id, name FROM users WHERE id = ?")
        .bind(ada.id)
        .fetch()
        .await
        .unwrap();
    assert_eq!(found[0].name, "ada");
    let done = db.sql("DELETE FROM goals").execute().await.unwrap();
    assert_eq!(done.rows, 1);
}
