//! What is read by whom, and of what.

use mainstay::ErrorKind;
use mainstay::schema::Dialect;
use mainstay_migrate::catalog::{self, render};
use mainstay_testkit::servers::{ServerKind, run_sql};

use super::support::{Target, close, open, read, run, schema_text, table, targets};

/// Who may only read what is there, by engine; an address to come in by.
fn reader_of(target: &Target, rights: &[&str]) -> Option<(String, String)> {
    let (server, database) = target.server.as_ref()?;
    let name = format!("reader_{}", &database.name()[5..]);
    let statements: Vec<String> = if server.kind() == ServerKind::Postgres {
        vec![
            format!("CREATE ROLE {name} LOGIN PASSWORD 'secret' NOSUPERUSER"),
            format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"),
        ]
    } else {
        let on = database.name();
        vec![
            format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
            format!("GRANT {} ON {on}.* TO {name}", rights.join(", ")),
        ]
    };
    for sql in statements {
        run_sql(database.url(), &sql).expect("the reader is made");
    }
    let url = database.url();
    let owner = format!("{}:{}@", url.user(), url.password());
    Some((
        name.clone(),
        url.as_str().replacen(&owner, &format!("{name}:secret@"), 1),
    ))
}

fn forget_reader(target: &Target, name: &str) {
    let Some((server, database)) = &target.server else {
        return;
    };
    let statements = if server.kind() == ServerKind::Postgres {
        vec![format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")]
    } else {
        vec![format!("DROP USER {name}")]
    };
    for sql in statements {
        run_sql(database.url(), &sql).expect("the reader is forgotten");
    }
}

#[tokio::test]
async fn who_may_only_read_sees_the_same() {
    for target in targets() {
        let db = target.open().await;
        run(&db, &schema_text("music", target.slug)).await;
        let found = read(&db).await;
        close(db).await;
        let reader = reader_of(&target, &["SELECT", "SHOW VIEW", "TRIGGER"]);
        let (name, url) = reader.unwrap_or((String::new(), target.url.clone()));
        let db = open(&url).await;
        assert_eq!(read(&db).await, found, "{}", target.slug);
        if !name.is_empty() {
            let refused = db
                .script("CREATE TABLE other (id INT)")
                .await
                .expect_err("may not");
            assert_eq!(refused.kind(), ErrorKind::AccessDenied, "{refused}");
        }
        close(db).await;
        forget_reader(&target, &name);
    }
}

#[tokio::test]
async fn a_view_that_may_not_be_seen_is_not_passed_over() {
    let Some(target) = Target::on(ServerKind::MariaDb) else {
        return;
    };
    let db = target.open().await;
    run(
        &db,
        "CREATE TABLE a (id INT); CREATE VIEW b AS SELECT id FROM a",
    )
    .await;
    close(db).await;
    let (name, url) = reader_of(&target, &["SELECT"]).expect("a reader");
    let db = open(&url).await;
    let error = catalog::read(&db).await.expect_err("the view is not told");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    close(db).await;
    forget_reader(&target, &name);
}

#[tokio::test]
async fn an_index_that_was_left_half_built_is_known_as_such() {
    let Some(target) = Target::on(ServerKind::Postgres) else {
        return;
    };
    let db = target.open().await;
    run(
        &db,
        "CREATE TABLE a (id INT); INSERT INTO a VALUES (1), (1); CREATE INDEX fine ON a (id)",
    )
    .await;
    let failed = db
        .script("CREATE UNIQUE INDEX CONCURRENTLY left_over ON a (id)")
        .await;
    assert_eq!(
        failed.expect_err("two are equal").kind(),
        ErrorKind::Duplicate
    );
    let found = read(&db).await;
    let valid: Vec<_> = table(&found, "a")
        .indexes
        .iter()
        .map(|index| (index.name.as_str(), index.valid))
        .collect();
    assert_eq!(valid, [("fine", true), ("left_over", false)]);
    close(db).await;
}

#[tokio::test]
async fn only_the_current_schema_is_read() {
    let Some(target) = Target::on(ServerKind::Postgres) else {
        return;
    };
    let db = target.open().await;
    run(
        &db,
        "CREATE SCHEMA other; CREATE TABLE other.owners (id INT PRIMARY KEY);
         CREATE TABLE goals (id INT, owner_id INT REFERENCES other.owners ON DELETE CASCADE)",
    )
    .await;
    let found = read(&db).await;
    assert_eq!(found.tables.len(), 1);
    assert_eq!(
        render::foreign_key(Dialect::Postgres, &found.tables[0].foreign_keys[0]),
        "CONSTRAINT \"goals_owner_id_fkey\" FOREIGN KEY (\"owner_id\") \
         REFERENCES \"other\".\"owners\" (\"id\") ON DELETE CASCADE"
    );
    close(db).await;
}

#[tokio::test]
async fn a_view_of_what_is_no_more_is_read_all_the_same() {
    // PostgreSQL keeps a table that a view needs.
    for target in targets().into_iter().filter(|one| one.slug != "postgres") {
        let db = target.open().await;
        run(
            &db,
            "CREATE TABLE a (id INT); CREATE VIEW b AS SELECT id FROM a; CREATE TABLE c (id INT); \
             DROP TABLE a",
        )
        .await;
        let found = read(&db).await;
        assert_eq!(found.views.len(), 1);
        assert_eq!(table(&found, "c").columns.len(), 1);
        close(db).await;
    }
}
