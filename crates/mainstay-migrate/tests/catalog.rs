//! What is read from databases, and made again from what was read: on SQLite always, on PostgreSQL
//! and MariaDB where there is a server.

use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::schema::{Dialect, ddl};
use mainstay::{Database, Entity, ErrorKind, Schema, TextEnum};
use mainstay_migrate::catalog::{self, Catalog, Column, Identity, Table, dump, render};
use mainstay_migrate::split::split;
use mainstay_testkit::servers::{ServerKind, ServerUrl, TestDatabase, require, run_sql};

/// An empty database of one test on one engine.
struct Target {
    url: String,
    slug: &'static str,
    _file: Option<tempfile::TempDir>,
    server: Option<(ServerUrl, TestDatabase)>,
}

impl Target {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            url: format!("sqlite:{}", folder.path().join("test.db").display()),
            slug: "sqlite",
            _file: Some(folder),
            server: None,
        }
    }

    fn on(kind: ServerKind, slug: &'static str) -> Option<Self> {
        let server = require(kind)?;
        let database = TestDatabase::create(&server).expect("a database");
        Some(Self {
            url: database.url().as_str().to_owned(),
            slug,
            _file: None,
            server: Some((server, database)),
        })
    }

    fn all() -> Vec<Self> {
        let servers = [
            (ServerKind::Postgres, "postgres"),
            (ServerKind::MariaDb, "mysql"),
        ];
        let servers = servers
            .into_iter()
            .filter_map(|(kind, slug)| Self::on(kind, slug));
        std::iter::once(Self::sqlite()).chain(servers).collect()
    }

    /// An empty database on the same engine.
    fn another(&self) -> Self {
        match self.slug {
            "sqlite" => Self::sqlite(),
            "postgres" => Self::on(ServerKind::Postgres, "postgres").expect("a database"),
            _ => Self::on(ServerKind::MariaDb, "mysql").expect("a database"),
        }
    }

    async fn open(&self) -> Database {
        open(&self.url).await
    }
}

async fn open(url: &str) -> Database {
    let config = ConfigLoader::new()
        .set("url", url)
        .load()
        .expect("a configuration");
    let builder = Database::builder().create_if_missing();
    builder.open(&config).await.expect("the database opens")
}

async fn close(db: Database) {
    db.close(Duration::from_secs(5))
        .await
        .expect("the handle closes");
}

async fn read(db: &Database) -> Catalog {
    catalog::read(db).await.expect("the catalog is read")
}

async fn run(db: &Database, sql: &str) {
    for statement in split(db.dialect(), sql).expect("the text can be split") {
        if let Err(error) = db.script(statement.text).await {
            panic!("{error}\n{}", statement.text);
        }
    }
}

/// Makes a copy of a database from its catalog, and finds it to be the same.
async fn recreate(target: &Target, db: &Database) -> Catalog {
    let found = read(db).await;
    let text = dump(&found);
    let other = target.another();
    let copy = other.open().await;
    run(&copy, &text).await;
    let again = read(&copy).await;
    assert_eq!(dump(&again), text, "{}", target.slug);
    assert_eq!(again, found, "{}", target.slug);
    assert_eq!(again.fingerprint(), found.fingerprint());
    close(copy).await;
    found
}

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    catalog
        .table(name)
        .unwrap_or_else(|| panic!("no table {name}"))
}

fn column<'a>(catalog: &'a Catalog, of: &str, name: &str) -> &'a Column {
    table(catalog, of)
        .column(name)
        .unwrap_or_else(|| panic!("no column {name}"))
}

/// The statement of the dump that begins so.
fn statement(catalog: &Catalog, start: &str) -> String {
    let all = dump::statements(catalog);
    let found = all.iter().find(|statement| statement.starts_with(start));
    found
        .unwrap_or_else(|| panic!("no {start} in {all:#?}"))
        .clone()
}

#[tokio::test]
async fn an_empty_database_has_nothing() {
    for target in Target::all() {
        let db = target.open().await;
        // What Mainstay itself keeps is not the application's.
        db.script("CREATE TABLE _mainstay_migrations (version VARCHAR(14) PRIMARY KEY)")
            .await
            .expect("created");
        let found = read(&db).await;
        assert_eq!(found, Catalog::empty(db.dialect()));
        assert_eq!(dump(&found), "");
        close(db).await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, TextEnum)]
enum Mood {
    Good,
    NotSoGood,
}

#[derive(Debug, Clone, Entity)]
#[allow(dead_code, reason = "only the model is used")]
struct Owner {
    #[entity(key, auto)]
    id: i64,
    #[entity(unique, max = 100, default = "it's a \\")]
    name: String,
}

#[derive(Debug, Clone, Entity)]
#[entity(
    unique(owner_id, title),
    index(mood, day),
    check(
        name = "span",
        condition = "weight <= 100 OR total > 0",
        columns(weight, total)
    )
)]
#[allow(dead_code, reason = "only the model is used")]
struct Goal {
    #[entity(key, auto)]
    id: uuid::Uuid,
    #[entity(references(Owner::id, on_delete = cascade))]
    owner_id: i64,
    #[entity(references(Goal::id, on_delete = set_null))]
    parent_id: Option<uuid::Uuid>,
    #[entity(max = 120)]
    title: String,
    notes: Option<String>,
    #[entity(enumeration, default = "good")]
    mood: Mood,
    #[entity(default = true)]
    active: bool,
    #[entity(default = -1)]
    weight: i32,
    #[entity(default = 0)]
    total: i64,
    picture: Option<Vec<u8>>,
    #[entity(default = "{}")]
    settings: serde_json::Value,
    day: chrono::NaiveDate,
    #[entity(created_at)]
    created_at: chrono::DateTime<chrono::Utc>,
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

fn present<'a>(names: impl Iterator<Item = &'a Option<String>>) -> Vec<String> {
    let mut names: Vec<String> = names.flatten().cloned().collect();
    names.sort();
    names
}

#[tokio::test]
async fn tables_of_entities_come_back_as_they_were_described() {
    let schema = Schema::new().with::<Owner>().with::<Goal>();
    for target in Target::all() {
        let db = target.open().await;
        for sql in ddl::create_all(db.dialect(), &schema).expect("statements") {
            db.script(sql).await.expect("the table is made");
        }
        let found = recreate(&target, &db).await;
        assert_eq!(found.tables.len(), 2);
        assert!(found.views.is_empty() && found.others.is_empty());
        for model in schema.tables() {
            let table = table(&found, model.name);
            let names: Vec<_> = table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let described: Vec<_> = model.columns.iter().map(|column| column.name).collect();
            assert_eq!(names, described);
            for (column, described) in table.columns.iter().zip(model.columns) {
                assert_eq!(column.nullable, described.nullable, "{}", column.name);
                assert_eq!(
                    column.default.is_some(),
                    described.default.is_some(),
                    "{}",
                    column.name
                );
            }
            let uniques = present(table.uniques.iter().map(|key| &key.name));
            assert_eq!(uniques, sorted(model.uniques.iter().map(|key| key.name)));
            let indexes = sorted(table.indexes.iter().map(|index| index.name.as_str()));
            assert_eq!(
                indexes,
                sorted(model.indexes.iter().map(|index| index.name))
            );
            assert_eq!(table.foreign_keys.len(), model.foreign_keys.len());
            for key in model.foreign_keys {
                let same = |found: &&catalog::ForeignKey| found.name.as_deref() == Some(key.name);
                let found = table
                    .foreign_keys
                    .iter()
                    .find(same)
                    .expect("the foreign key");
                assert_eq!(found.columns, key.columns);
                assert_eq!(found.references, key.references);
                assert_eq!(found.referenced_columns, key.referenced_columns);
            }
            for check in model.checks {
                let names = present(table.checks.iter().map(|check| &check.name));
                assert!(names.iter().any(|name| name == check.name), "{names:?}");
            }
        }
        let owner = table(&found, "owners");
        let made_by = if target.slug == "postgres" {
            Identity::ByDefault
        } else {
            Identity::AutoIncrement
        };
        assert_eq!(owner.columns[0].identity, Some(made_by));
        let goal = table(&found, "goals");
        let actions: Vec<_> = goal
            .foreign_keys
            .iter()
            .map(|key| key.on_delete.as_str())
            .collect();
        assert_eq!(actions, ["CASCADE", "SET NULL"]);
        let key = goal.primary_key.as_ref().expect("a key");
        assert_eq!(key.columns, ["id"]);
        let settings = column(&found, "goals", "settings");
        let (ty, collation) = match target.slug {
            "sqlite" => ("TEXT", None),
            "postgres" => ("jsonb", None),
            _ => ("json", None),
        };
        assert_eq!(
            (settings.ty.as_str(), settings.collation.as_deref()),
            (ty, collation)
        );
        assert!(
            !goal.checks.iter().any(|check| check.is_of_column()),
            "{:?}",
            goal.checks
        );
        close(db).await;
    }
}

#[tokio::test]
async fn what_is_in_tables_is_not_in_their_fingerprint() {
    let schema = Schema::new().with::<Owner>();
    for target in Target::all() {
        let db = target.open().await;
        for sql in ddl::create_all(db.dialect(), &schema).expect("statements") {
            db.script(sql).await.expect("the table is made");
        }
        let before = read(&db).await.fingerprint();
        for name in ["a", "b", "c"] {
            let insert = db.sql("INSERT INTO owners (name) VALUES (?)").bind(name);
            insert.execute().await.expect("a row");
        }
        assert_eq!(read(&db).await.fingerprint(), before);
        db.script("CREATE INDEX owners_by_name ON owners (name)")
            .await
            .expect("an index");
        assert_ne!(read(&db).await.fingerprint(), before);
        close(db).await;
    }
}

fn schema_text(name: &str, slug: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let path = folder.join(format!("{name}.{slug}.sql"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn a_music_shop_is_made_again_as_it_is() {
    for target in Target::all() {
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
    for target in Target::all() {
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
    assert_eq!(kinds, ["EVENT", "FUNCTION", "PROCEDURE"]);
    let definitions = found.others.iter().map(|other| &other.definition);
    let definitions = definitions.chain(found.views.iter().map(|view| &view.definition));
    assert!(
        definitions
            .into_iter()
            .all(|text| !text.contains("DEFINER"))
    );
    let payment = &table(found, "payment").options;
    assert!(
        payment
            .last()
            .is_some_and(|last| last.starts_with("PARTITION BY RANGE")),
        "{payment:?}"
    );
}

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
    for target in Target::all() {
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
    let Some(target) = Target::on(ServerKind::MariaDb, "mysql") else {
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
    let Some(target) = Target::on(ServerKind::Postgres, "postgres") else {
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
    let Some(target) = Target::on(ServerKind::Postgres, "postgres") else {
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
