//! A first end-to-end path.

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::schema::ddl;
use mainstay::{Database, Entity, Insert, Patch, Schema};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "users", unique(email), index(total_xp, id))]
struct User {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(max = 254, email, lowercase, message(email = "Invalid email format"))]
    email: String,
    #[entity(default = 0, min = 0)]
    total_xp: i64,
    #[entity(created_at)]
    created_at: DateTime<Utc>,
    #[entity(updated_at)]
    updated_at: DateTime<Utc>,
}

#[derive(Insert)]
#[insert(User)]
struct NewUser {
    email: String,
}

#[derive(Patch)]
#[patch(User)]
struct UserPatch {
    email: Option<String>,
}

#[tokio::test]
async fn a_row_is_made_found_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/x.db", folder.path().display());
    let config = ConfigLoader::new().set("url", url).load().unwrap();
    let db = Database::builder()
        .schema(Schema::new().with::<User>())
        .create_if_missing()
        .open(&config)
        .await
        .unwrap();
    for sql in ddl::create_all(db.dialect(), db.schema()).unwrap() {
        db.script(sql).await.unwrap();
    }
    let users = db.repository::<User>();
    let user = users
        .create(NewUser {
            email: " A@Example.com ".into(),
        })
        .await
        .unwrap();
    assert_eq!(user.email, "a@example.com");
    assert_eq!(users.find_by_id(user.id).await.unwrap().unwrap(), user);
    let again = users
        .create(NewUser {
            email: "a@example.com".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(again.code(), "DUPLICATE_ENTRY");
    assert_eq!(again.constraint(), Some("users_email_key"));
    assert_eq!(again.fields().iter().next().unwrap().field, "email");
    let total = db
        .transaction(|tx| async move {
            let users = tx.repository::<User>();
            let user = users.update(user.id, [User::TOTAL_XP.increment(5)]).await?;
            Ok::<_, mainstay::Error>(user.total_xp)
        })
        .await
        .unwrap();
    assert_eq!(total, 5);
    let patched = users
        .update(
            user.id,
            UserPatch {
                email: Some("b@example.com".into()),
            },
        )
        .await
        .unwrap();
    assert_eq!(patched.email, "b@example.com");
    let found = users
        .find_many()
        .filter(User::EMAIL.starts_with("b@"))
        .order_by(User::TOTAL_XP.desc())
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    users.delete(user.id).await.unwrap();
    assert_eq!(users.delete(user.id).await.unwrap_err().code(), "NOT_FOUND");
    db.close(std::time::Duration::from_secs(5)).await.unwrap();
}
