//! Mainstay, sqlx and SeaORM in one service, on one file, while the service moves over.
//!
//! Cargo lets only one version of a crate that links `sqlite3` into a program, so this builds only
//! while all three use the same one.

#[cfg(test)]
mod tests {
    use mainstay::Database;
    use mainstay::config::ConfigLoader;
    use sea_orm::ConnectionTrait;
    use sqlx::Row;

    #[tokio::test]
    async fn all_three_see_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared.db");
        let config =
            ConfigLoader::new().set("url", format!("sqlite:{}", path.display())).load().unwrap();
        let db = Database::builder().create_if_missing().open(&config).await.unwrap();
        db.script("CREATE TABLE notes (text TEXT NOT NULL) STRICT").await.unwrap();
        db.sql("INSERT INTO notes (text) VALUES (?)").bind("from mainstay").execute().await.unwrap();

        let sqlx = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let row = sqlx::query("SELECT text FROM notes").fetch_one(&sqlx).await.unwrap();
        assert_eq!(row.get::<String, _>(0), "from mainstay");
        sqlx::query("INSERT INTO notes (text) VALUES ('from sqlx')").execute(&sqlx).await.unwrap();
        sqlx.close().await;

        let sea = sea_orm::Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
        sea.execute_unprepared("INSERT INTO notes (text) VALUES ('from SeaORM')").await.unwrap();
        sea.close().await.unwrap();

        let count: i64 = db.sql("SELECT count(*) FROM notes").scalar().await.unwrap();
        assert_eq!(count, 3);
    }
}
