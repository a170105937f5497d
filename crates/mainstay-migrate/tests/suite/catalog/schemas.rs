//! Schemas that no one here designed, made again from what was read of them.

use mainstay_migrate::catalog::{Catalog, Identity, render};

use super::support::{close, column, recreate, run, schema_text, statement, table, targets};

#[tokio::test]
async fn a_music_shop_is_made_again_as_it_is() {
    for target in targets() {
        let db = target.open().await;
        run(&db, &schema_text("music", target.slug)).await;
        let found = recreate(&target, &db).await;
        assert_eq!(found.tables.len(), 9);
        let views: Vec<_> = found
            .views
            .iter()
            .map(|view| view.name.to_lowercase())
            .collect();
        assert!(
            views.iter().any(|view| view.starts_with("busy")),
            "{views:?}"
        );
        let lines = ["InvoiceLine", "invoice_line"]
            .into_iter()
            .find_map(|name| found.table(name));
        let lines = lines.expect("the lines");
        assert!(!lines.triggers.is_empty());
        assert_eq!(lines.foreign_keys.len(), 2);
        match target.slug {
            "sqlite" => sqlite_music(&found),
            "postgres" => postgres_music(&found),
            _ => mariadb_music(&found),
        }
        close(db).await;
    }
}

fn sqlite_music(found: &Catalog) {
    let lines = table(found, "InvoiceLine");
    assert_eq!(lines.uniques[0].options, ["ON CONFLICT REPLACE"]);
    // A foreign key that names no columns means the key.
    assert_eq!(lines.foreign_keys[0].referenced_columns, ["InvoiceId"]);
    assert!(
        column(found, "InvoiceLine", "Amount")
            .generated
            .as_ref()
            .is_some_and(|by| by.stored)
    );
    assert_eq!(
        column(found, "Album", "Title").collation.as_deref(),
        Some("NOCASE")
    );
    assert_eq!(
        table(found, "PlaylistTrack").options,
        ["STRICT", "WITHOUT ROWID"]
    );
    assert_eq!(
        column(found, "Employee", "EmployeeId").identity,
        Some(Identity::AutoIncrement)
    );
    let customer = table(found, "Customer");
    assert_eq!(customer.checks[1].name.as_deref(), Some("mail is mail"));
    assert_eq!(
        customer.foreign_keys[0].options,
        ["DEFERRABLE INITIALLY DEFERRED"]
    );
    assert_eq!(
        customer.indexes[0].condition.as_deref(),
        Some("Company IS NOT NULL")
    );
    let triggers: Vec<_> = found
        .others
        .iter()
        .map(|other| other.kind.as_str())
        .collect();
    assert_eq!(triggers, ["TRIGGER"]);
}

fn postgres_music(found: &Catalog) {
    let statement = |start: &str| statement(found, start);
    assert_eq!(
        statement("CREATE INDEX \"customer_names\""),
        "CREATE INDEX \"customer_names\" ON \"Customer\" ((lower(\"First Name\"::text)), \
         \"company\" DESC NULLS LAST, \"state\" COLLATE \"C\") \
         WHERE company IS NOT NULL AND (state = ANY (ARRAY['NY'::bpchar, 'LA'::bpchar]))"
    );
    assert!(statement("CREATE UNLOGGED TABLE").contains("playlist"));
    assert!(statement("CREATE TABLE \"invoice\"").ends_with(") WITH (fillfactor=70)"));
    let rep = &table(found, "Customer").foreign_keys[0];
    assert_eq!(rep.options, ["MATCH FULL", "DEFERRABLE INITIALLY DEFERRED"]);
    let kept: Vec<_> = found
        .others
        .iter()
        .map(|other| (other.kind.as_str(), other.name.as_str()))
        .collect();
    assert_eq!(
        kept,
        [
            ("FUNCTION", "line_adds_up()"),
            ("SEQUENCE", "Customer_customer_id_seq"),
            ("SEQUENCE", "employee_employee_id_seq"),
        ]
    );
    assert_eq!(
        table(found, "Customer").comment.as_deref(),
        Some("Who buys; it's a secret")
    );
    assert_eq!(
        column(found, "album", "album_id").identity,
        Some(Identity::Always)
    );
}

fn mariadb_music(found: &Catalog) {
    let album = table(found, "Album");
    // The one for the foreign key is the server's business.
    let indexes: Vec<_> = album
        .indexes
        .iter()
        .map(|index| index.name.as_str())
        .collect();
    assert_eq!(indexes, ["IFK_AlbumArtistId"]);
    assert_eq!(column(found, "Customer", "Settings").ty, "json");
    let customer = table(found, "Customer");
    assert_eq!(customer.comment.as_deref(), Some("Who buys; it's a secret"));
    let remark = column(found, "Customer", "First Name").comment.as_deref();
    assert_eq!(remark, Some("as it's \\ said; \"so\""));
    let track = table(found, "Track");
    let story = track
        .indexes
        .iter()
        .find(|index| index.name == "story_start")
        .expect("the index");
    assert!(story.unique);
    assert_eq!(story.parts[0].suffix.as_deref(), Some("(20)"));
    let triggers = &table(found, "InvoiceLine").triggers;
    // In the order in which they run, which is not that of their names.
    let names: Vec<_> = triggers
        .iter()
        .map(|trigger| trigger.name.as_str())
        .collect();
    assert_eq!(names, ["adds_up", "a_later_one"]);
    let employee = table(found, "Employee");
    assert!(render::table(found.dialect, employee, true)[0].contains("INDEX `Number`"));
}

#[tokio::test]
async fn a_film_rental_is_made_again_as_it_is() {
    for target in targets() {
        let db = target.open().await;
        run(&db, &schema_text("rental", target.slug)).await;
        let found = recreate(&target, &db).await;
        for name in ["language", "film", "store", "staff", "inventory", "rental"] {
            assert!(found.table(name).is_some(), "{name}");
        }
        match target.slug {
            "sqlite" => sqlite_rental(&found),
            "postgres" => postgres_rental(&found),
            _ => mariadb_rental(&found),
        }
        close(db).await;
    }
}

fn sqlite_rental(found: &Catalog) {
    // Tables in which a virtual table keeps its rows are not there.
    assert_eq!(found.tables.len(), 6);
    assert_eq!(found.others[0].kind, "VIRTUAL TABLE");
    let rental = table(found, "rental");
    assert_eq!(rental.checks[0].condition, "returned > rented");
    assert_eq!(rental.foreign_keys[0].columns, ["store_id", "inventory_id"]);
    assert_eq!(
        rental.indexes[0].condition.as_deref(),
        Some("returned IS NULL")
    );
    assert_eq!(
        column(found, "film", "description").ty,
        "BLOB SUB_TYPE TEXT"
    );
}

fn postgres_rental(found: &Catalog) {
    let kinds: Vec<_> = found
        .others
        .iter()
        .map(|other| other.kind.as_str())
        .collect();
    for kind in [
        "AGGREGATE",
        "CONSTRAINT",
        "DOMAIN",
        "FUNCTION",
        "INDEX",
        "MATERIALIZED VIEW",
        "POLICY",
        "PROCEDURE",
        "RULE",
        "SEQUENCE",
        "TRIGGER",
        "TYPE",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert_eq!(column(found, "film", "rating").ty, "mpaa_rating");
    assert_eq!(
        table(found, "payment").options,
        ["PARTITION BY RANGE (payment_date)"]
    );
    let part = table(found, "payment 2026-01");
    assert!(
        part.options[0].starts_with("PARTITION OF payment FOR VALUES FROM"),
        "{:?}",
        part.options
    );
    // What comes with the parent is its own.
    assert!(part.foreign_keys.is_empty() && part.triggers.is_empty());
    assert_eq!(table(found, "audit_of_films").options, ["INHERITS (audit)"]);
    let film = table(found, "film");
    let methods: Vec<_> = film
        .indexes
        .iter()
        .map(|index| index.method.as_deref())
        .collect();
    assert_eq!(methods, [Some("gist"), Some("hash"), None]);
}

fn mariadb_rental(found: &Catalog) {
    let film = table(found, "film");
    let ty = |name: &str| column(found, "film", name).ty.as_str();
    assert_eq!(ty("rating"), "enum('G','PG','PG-13','R','NC-17')");
    assert_eq!(
        ty("special_features"),
        "set('Trailers','Commentaries','Deleted Scenes','it''s')"
    );
    let methods: Vec<_> = film
        .indexes
        .iter()
        .filter_map(|index| Some((index.name.as_str(), index.method.as_deref()?)))
        .collect();
    assert_eq!(
        methods,
        [
            ("idx_location", "SPATIAL"),
            ("idx_title_description", "FULLTEXT")
        ]
    );
    assert_eq!(
        column(found, "film", "last_update").on_update.as_deref(),
        Some("current_timestamp()")
    );
    let kinds: Vec<_> = found
        .others
        .iter()
        .map(|other| other.kind.as_str())
        .collect();
    assert_eq!(kinds, ["EVENT", "FUNCTION", "PROCEDURE", "SEQUENCE"]);
    let definitions = found.others.iter().map(|other| &other.definition);
    let definitions = definitions.chain(found.views.iter().map(|view| &view.definition));
    assert!(
        definitions
            .into_iter()
            .all(|text| !text.contains("DEFINER"))
    );
    let ticket = &table(found, "ticket").options;
    assert_eq!(
        ticket.last().map(String::as_str),
        Some("WITH SYSTEM VERSIONING")
    );
    let payment = &table(found, "payment").options;
    assert!(
        payment
            .last()
            .is_some_and(|last| last.starts_with("PARTITION BY RANGE")),
        "{payment:?}"
    );
}

#[tokio::test]
async fn what_is_seldom_seen_is_made_again_as_it_is() {
    for target in targets() {
        let db = target.open().await;
        run(&db, &schema_text("odd", target.slug)).await;
        let found = recreate(&target, &db).await;
        let odd = table(&found, "select");
        assert!(odd.checks.len() >= 4, "{:?}", odd.checks);
        assert!(odd.columns.iter().any(|column| column.generated.is_some()));
        close(db).await;
    }
}
