//! Drafted migrations run, and leave nothing to draft.

use mainstay_migrate::diff::{Renames, compare, draft, draft_back};
use mainstay_migrate::drift::files::{Drafted, unfinished, without, write};
use mainstay_migrate::drift::{
    Told, apply, draft_entities, made_by_entities, made_by_migrations, record, states,
};
use mainstay_migrate::{Goal, catalog, migrate, migrate_with, source, status};

use super::stage::{at, first_release, left, migrations, place, second_release};
use crate::support::{close, folder, run, targets};

#[tokio::test]
async fn what_is_drafted_runs_both_ways_and_drafting_again_gives_nothing() {
    for target in targets() {
        let db = target.open().await;
        let dialect = db.dialect();
        let first = migrations(dialect, &[]);
        migrate(&db, &first).await.expect("migrates");
        run(
            &db,
            "INSERT INTO users (id, email) VALUES (1, 'a@example.com')",
        )
        .await;
        run(
            &db,
            "INSERT INTO goals (id, user_id, title, points) VALUES (1, 1, 'run', 3)",
        )
        .await;
        let place = place(&target.url, "2001-03-01");
        let entities = made_by_entities(&second_release(), dialect, &place, None).await;
        let entities = entities.expect("made");
        let before = made_by_migrations(&first, &place, None)
            .await
            .expect("made");
        let drafting = draft_entities(&entities, &before, &Told::default()).expect("drafts");
        assert!(!drafting.up.is_empty());
        assert_eq!(drafting.up.destructive().count(), 0, "{}", drafting.up);

        let first_text = first.migrations()[0].up.of(dialect).to_owned();
        let home = folder(&[("20260101000000_create/up.sql", &first_text)]);
        let drafted = Drafted {
            name: "add_note",
            dialect,
            up: &drafting.up,
            down: &drafting.down,
            origin: "drafted from the entities",
        };
        let made = write(home.path(), &drafted, None, at("2026-02-01")).expect("written");
        assert!(made.ends_with("20260201000000_add_note"));
        let set = source::read(home.path()).expect("read").set;
        let report = migrate(&db, &set).await.expect("it runs");
        assert_eq!(report.applied.len(), 1);
        let title: String = db
            .sql("SELECT title FROM goals")
            .scalar()
            .await
            .expect("kept");
        assert_eq!(title, "run");

        let after = made_by_migrations(&set, &place, None).await.expect("made");
        let again = draft_entities(&entities, &after, &Told::default()).expect("drafts");
        assert!(again.up.is_empty(), "{}", again.up);

        migrate_with(&db, &set, Goal::Down(1).into())
            .await
            .expect("undone");
        let now = catalog::read(&db).await.expect("read");
        assert_eq!(compare(&before, &now), []);
        assert_eq!(
            left(&target.url, &db, "2001-03-01").await,
            Vec::<String>::new()
        );
        close(db).await;
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_adopted_and_recorded() {
    for target in targets() {
        let db = target.open().await;
        let dialect = db.dialect();
        let first = migrations(dialect, &[]);
        migrate(&db, &first).await.expect("migrates");
        run(&db, "ALTER TABLE goals ADD COLUMN by_hand INTEGER").await;
        let place = place(&target.url, "2001-03-02");
        let found = states(&db, &first_release(), &first, &place)
            .await
            .expect("states");
        let none = Renames::default();
        let up = draft(&found.applied, &found.live, &none);
        let down = draft_back(&found.applied, &found.live, &none);
        let first_text = first.migrations()[0].up.of(dialect).to_owned();
        let home = folder(&[("20260101000000_create/up.sql", &first_text)]);
        let drafted = Drafted {
            name: "adopted",
            dialect,
            up: &up,
            down: &down,
            origin: "drafted from the database",
        };
        write(home.path(), &drafted, None, at("2026-02-01")).expect("written");
        let set = source::read(home.path()).expect("read").set;
        let too_new = record(&db, &set, "20260101000000").await;
        assert!(
            too_new
                .expect_err("it is applied")
                .detail()
                .contains("adopted comes first"),
        );
        record(&db, &set, "20260201000000").await.expect("recorded");
        assert!(status(&db, &set).await.expect("status").is_current());
        let found = states(&db, &first_release(), &set, &place)
            .await
            .expect("states");
        assert_eq!(compare(&found.applied, &found.live), []);
        record(&db, &set, "20260201000000")
            .await
            .expect_err("once is enough");

        // Undone, it is as before.
        migrate_with(&db, &set, Goal::Down(1).into())
            .await
            .expect("undone");
        let now = catalog::read(&db).await.expect("read");
        let before = made_by_migrations(&first, &place, None)
            .await
            .expect("made");
        assert_eq!(compare(&before, &now), []);
        close(db).await;
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_removed() {
    for target in targets() {
        let db = target.open().await;
        let first = migrations(db.dialect(), &[]);
        migrate(&db, &first).await.expect("migrates");
        run(
            &db,
            "INSERT INTO users (id, email) VALUES (1, 'a@example.com')",
        )
        .await;
        run(&db, "ALTER TABLE users ADD COLUMN by_hand INTEGER").await;
        let on = match db.dialect().slug() {
            "mysql" => " ON goals",
            _ => "",
        };
        run(&db, &format!("DROP INDEX goals_points_id_idx{on}")).await;
        run(&db, "CREATE TABLE extra (id BIGINT PRIMARY KEY)").await;
        let place = place(&target.url, "2001-03-03");
        let found = states(&db, &first_release(), &first, &place)
            .await
            .expect("states");
        let back = draft(&found.live, &found.applied, &Renames::default());
        assert!(back.destructive().count() >= 2, "{back}");
        apply(&db, &back)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{back}"));
        let now = catalog::read(&db).await.expect("read");
        assert_eq!(compare(&found.applied, &now), []);
        let users: i64 = db
            .sql("SELECT count(*) FROM users")
            .scalar()
            .await
            .expect("kept");
        assert_eq!(users, 1);
        close(db).await;
    }
}

#[test]
fn the_drafts_for_several_engines_meet_in_one_migration() {
    use mainstay::schema::Dialect;
    use mainstay_migrate::diff::Draft;

    let home = folder(&[
        ("20260101000000_create/up.sql", "CREATE TABLE a (id INT)"),
        (
            "20260102000000_more/up.sqlite.sql",
            "CREATE TABLE b (id INT)",
        ),
    ]);
    let set = source::read(home.path()).expect("read").set;
    assert_eq!(unfinished(&set, "more", Dialect::Sqlite), None);
    assert_eq!(unfinished(&set, "other", Dialect::Postgres), None);
    let version = unfinished(&set, "more", Dialect::Postgres).expect("it lacks the text");
    assert_eq!(version, "20260102000000");
    assert_eq!(without(&set, &version).migrations().len(), 1);
    let (up, down) = (Draft::default(), Draft::default());
    let drafted = Drafted {
        name: "more",
        dialect: Dialect::Postgres,
        up: &up,
        down: &down,
        origin: "drafted from the entities",
    };
    let made = write(home.path(), &drafted, Some(&version), at("2026-02-01")).expect("written");
    assert!(made.join("up.postgres.sql").exists() && made.join("down.postgres.sql").exists());
    let error = write(home.path(), &drafted, Some(&version), at("2026-02-01"));
    let error = error.expect_err("it is there");
    assert!(error.detail().contains("is there already"), "{error}");
}
