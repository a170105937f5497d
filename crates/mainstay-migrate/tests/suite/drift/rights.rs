//! Users who may not make databases.

use mainstay::ErrorKind;
use mainstay_migrate::drift::check;
use mainstay_migrate::migrate;
use mainstay_migrate::scratch::Place;
use mainstay_testkit::servers::{ServerKind, TestDatabase, require, run_sql};

use super::stage::{config, first_release, migrations};
use crate::support::{close, open};

#[tokio::test]
async fn who_may_only_read_is_told_of_the_way_and_can_be_given_a_database() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(server) = require(kind) else {
            continue;
        };
        let live = TestDatabase::create(&server).expect("a database");
        let given = TestDatabase::create(&server).expect("another");
        let owner = open(live.url().as_str()).await;
        let set = migrations(owner.dialect(), &[]);
        migrate(&owner, &set).await.expect("migrates");
        close(owner).await;

        let name = format!("checker_{}", &live.name()[5..]);
        let (make, forget) = match kind {
            ServerKind::Postgres => (
                vec![
                    (
                        live.url(),
                        format!(
                            "CREATE ROLE {name} LOGIN PASSWORD 'secret' NOSUPERUSER NOCREATEDB"
                        ),
                    ),
                    (
                        live.url(),
                        format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"),
                    ),
                    (given.url(), format!("GRANT ALL ON SCHEMA public TO {name}")),
                ],
                vec![
                    (live.url(), format!("DROP OWNED BY {name}")),
                    (given.url(), format!("DROP OWNED BY {name}")),
                    (live.url(), format!("DROP ROLE {name}")),
                ],
            ),
            ServerKind::MariaDb => (
                vec![
                    (
                        live.url(),
                        format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
                    ),
                    (
                        live.url(),
                        format!(
                            "GRANT SELECT, SHOW VIEW, TRIGGER ON {}.* TO {name}",
                            live.name()
                        ),
                    ),
                    (
                        given.url(),
                        format!("GRANT ALL ON {}.* TO {name}", given.name()),
                    ),
                ],
                vec![(live.url(), format!("DROP USER {name}"))],
            ),
        };
        for (url, sql) in &make {
            run_sql(url, sql).expect("the user is made");
        }
        let as_user = |database: &TestDatabase| {
            let url = database.url();
            let owner = format!("{}:{}@", url.user(), url.password());
            url.as_str().replacen(&owner, &format!("{name}:secret@"), 1)
        };
        let db = open(&as_user(&live)).await;
        let refused = check(
            &db,
            &first_release(),
            &set,
            &Place::beside(&config(&as_user(&live))),
        )
        .await
        .expect_err("it may not");
        assert_eq!(refused.kind(), ErrorKind::AccessDenied, "{kind}: {refused}");
        let hint = refused.hint().expect("what to do");
        assert!(hint.contains("--scratch URL"), "{hint}");

        let place = Place::given(&config(&as_user(&given)));
        let report = check(&db, &first_release(), &set, &place).await;
        let report = report.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert!(report.in_sync, "{kind}: {report:#?}");
        close(db).await;
        for (url, sql) in &forget {
            run_sql(url, sql).expect("the user is forgotten");
        }
    }
}
