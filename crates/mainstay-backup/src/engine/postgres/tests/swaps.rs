//! Taking the place of a database.

use mainstay::ErrorKind;

use super::*;

async fn with_place(target: &Target) -> (Postgres, Place) {
    target.sql("CREATE TABLE public.t AS SELECT 'old' AS state");
    let engine = target.engine();
    let taken = capture(&engine).await.expect("it is taken");
    let (place, _) = restore(&engine, &taken).await.expect("it is restored");
    let place_url = target.server.with_database(&place.name);
    run_sql(&place_url, "UPDATE public.t SET state = 'new'").expect("it runs");
    (engine, place)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_use_is_not_swapped_unless_its_sessions_are_to_end() {
    let Some(target) = target() else { return };
    let (engine, place) = with_place(&target).await;
    let db = target.open().await;
    db.sql("SET application_name = 'questlog'")
        .execute()
        .await
        .expect("it is set");
    let error = engine.swap(&place, false).await.expect_err("it is in use");
    assert_eq!(error.kind(), ErrorKind::WriteConflict);
    for part in ["in use by", "questlog", "process", "127.0.0.1", "since"] {
        assert!(error.detail().contains(part), "{part}: {error:?}");
    }
    assert!(error.hint().is_some());
    assert_eq!(target.sql("SELECT state FROM t"), "old");

    // Somebody connects all the time, as an application's pool does.
    let url = target.database.url().clone();
    let busy = tokio::spawn(async move {
        loop {
            if let Ok(db) = Database::open(&config(url.as_str())).await {
                let _ = db.sql("SELECT pg_sleep(10)").execute().await;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let swapped = engine.swap(&place, true).await.expect("it is swapped");
    busy.abort();
    let _ = busy.await;
    assert_eq!(target.sql("SELECT state FROM t"), "new");
    let kept = target
        .server
        .with_database(&swapped.kept.expect("the old one is kept"));
    assert_eq!(run_sql(&kept, "SELECT state FROM t").unwrap().trim(), "old");
    // Nobody has to undo anything: both can be connected to.
    drop(db);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_rights_is_told_which() {
    let Some(target) = target() else { return };
    let role = format!("role_{}", target.name());
    target.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret-word'"));
    target.sql("CREATE TABLE t (a int); ALTER DATABASE postgres CONNECTION LIMIT -1");
    let url = target.database.url().as_str().to_owned();
    let (_, rest) = url.split_once('@').expect("a user");
    let engine = engine(&config(&format!("postgres://{role}:secret-word@{rest}")));
    let error = engine.place().await.expect_err("it may not");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    assert!(
        error.hint().expect("a hint").contains("CREATEDB"),
        "{error:?}"
    );
    // Reading what it may not read is an error, too, and no smaller backup.
    let error = capture(&engine).await.expect_err("it may not");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    assert!(
        error.detail().contains("permission denied for table t"),
        "{error:?}"
    );
    target.sql(&format!("DROP ROLE {role}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_the_database_stays_with_the_name() {
    let Some(target) = target() else { return };
    let (name, role) = (target.name(), format!("role_{}", target.name()));
    target.sql(&format!(
        "CREATE ROLE {role}; ALTER DATABASE {name} SET search_path TO 'Odd', public; \
         ALTER DATABASE {name} SET my.word TO 'it''s'; \
         ALTER ROLE {role} IN DATABASE {name} SET work_mem TO '7MB'; \
         REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO {role}; \
         COMMENT ON DATABASE {name} IS 'ours'; ALTER DATABASE {name} CONNECTION LIMIT 77; \
         ALTER DATABASE {name} OWNER TO {role}"
    ));
    let facts = |name: &str| {
        target.server_sql(&format!(
            "SELECT datconnlimit, datdba::regrole, datacl, shobj_description(d.oid, 'pg_database'), \
             (SELECT array_agg(setrole::regrole || setconfig::text ORDER BY 1) \
             FROM pg_db_role_setting WHERE setdatabase = d.oid) \
             FROM pg_database d WHERE datname = '{name}'"
        ))
    };
    let (engine, place) = with_place(&target).await;
    let before = facts(&name);
    assert!(before.contains("77") && before.contains("ours"), "{before}");
    let swapped = engine.swap(&place, false).await.expect("it is swapped");
    assert_eq!(facts(&name), before);
    let kept = swapped.kept.expect("the old one is kept");
    assert_eq!(target.sql("SELECT state FROM public.t"), "new");
    target.server_sql(&format!("DROP DATABASE {kept} WITH (FORCE)"));
    target.server_sql(&format!("ALTER DATABASE {name} OWNER TO mainstay"));
    target.server_sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
