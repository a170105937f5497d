//! Diesel on SQLite: blocking, so an r2d2 pool in `spawn_blocking`.

use std::hint::black_box;
use std::path::Path;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use uuid::Uuid;

use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{self, NewProgress, instant_text, now};

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        total_xp -> BigInt,
        current_level -> Integer,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    goals (id) {
        id -> Text,
        user_id -> Text,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    progress (id) {
        id -> Text,
        user_id -> Text,
        goal_id -> Text,
        value -> BigInt,
        xp_earned -> BigInt,
        notes -> Nullable<Text>,
        created_at -> Text,
    }
}

diesel::table! {
    imports (id) {
        id -> Text,
        user_id -> Text,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        created_at -> Text,
        updated_at -> Text,
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(diesel::sqlite::Sqlite))]
struct UserRow {
    id: String,
    email: String,
    name: String,
    total_xp: i64,
    current_level: i32,
    created_at: String,
    updated_at: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = goals, check_for_backend(diesel::sqlite::Sqlite))]
struct GoalRow {
    id: String,
    user_id: String,
    title: String,
    description: Option<String>,
    status: String,
    created_at: String,
    updated_at: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = progress, check_for_backend(diesel::sqlite::Sqlite))]
struct ProgressRow {
    id: String,
    user_id: String,
    goal_id: String,
    value: i64,
    xp_earned: i64,
    notes: Option<String>,
    created_at: String,
}

#[derive(Insertable)]
#[diesel(table_name = imports)]
struct ImportRow {
    id: String,
    user_id: String,
    title: String,
    description: Option<String>,
    status: String,
    created_at: String,
    updated_at: String,
}

#[derive(Debug)]
struct Settings(String);

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let done = connection.batch_execute(&self.0);
        done.map_err(diesel::r2d2::Error::QueryError)
    }
}

pub struct DieselSqlite {
    pool: Pool<ConnectionManager<SqliteConnection>>,
}

impl DieselSqlite {
    pub fn new(file: &Path, size: usize, synchronous: &str) -> Result<Self> {
        let pool = Pool::builder()
            .max_size(size as u32)
            .test_on_check_out(false)
            .connection_timeout(std::time::Duration::from_secs(60))
            .connection_customizer(Box::new(Settings(super::pragmas(synchronous))))
            .build(ConnectionManager::new(file.display().to_string()))?;
        Ok(Self { pool })
    }
}

impl Candidate for DieselSqlite {
    fn work(&self, operation: Operation) -> Answer<'_> {
        let pool = self.pool.clone();
        Box::pin(async move {
            tokio::task::spawn_blocking(move || {
                let mut connection = pool.get()?;
                run(&mut connection, operation)
            })
            .await?
        })
    }
}

fn run(connection: &mut SqliteConnection, operation: Operation) -> Result<usize> {
    match operation {
        Operation::Find(id) => {
            let query = users::table.find(text(id)).select(UserRow::as_select());
            let found = query.first(connection).optional()?.map(user).transpose()?;
            Ok(usize::from(black_box(found).is_some()))
        }
        Operation::List(id) => {
            let found = goals::table
                .filter(goals::user_id.eq(text(id)))
                .order(goals::id)
                .limit(LIST)
                .select(GoalRow::as_select())
                .load(connection)?;
            decoded(found)
        }
        Operation::Page { after, .. } => {
            let found = goals::table
                .filter(goals::id.gt(text(after)))
                .order(goals::id)
                .limit(PAGE as i64 + 1)
                .select(GoalRow::as_select())
                .load(connection)?;
            Ok(decoded(found)?.min(PAGE))
        }
        Operation::Insert(new) => {
            let row = new.fill();
            let row = UserRow {
                id: text(row.id),
                email: row.email,
                name: row.name,
                total_xp: row.total_xp,
                current_level: row.current_level,
                created_at: instant_text(row.created_at),
                updated_at: instant_text(row.updated_at),
            };
            let made = diesel::insert_into(users::table)
                .values(row)
                .returning(UserRow::as_returning())
                .get_result(connection)?;
            black_box(user(made)?);
            Ok(1)
        }
        Operation::Transaction(new) | Operation::Batch(new) => transaction(connection, new),
        Operation::Bulk(rows) => connection.immediate_transaction(|connection| {
            let mut count = 0;
            for chunk in rows.chunks(1000) {
                let chunk: Vec<ImportRow> = chunk.iter().map(import).collect();
                count += diesel::insert_into(imports::table)
                    .values(chunk)
                    .execute(connection)?;
            }
            Ok(count)
        }),
    }
}

fn transaction(connection: &mut SqliteConnection, new: NewProgress) -> Result<usize> {
    let row = new.fill();
    connection.immediate_transaction(|connection| {
        let raised = diesel::update(users::table.find(text(row.user_id)))
            .set((
                users::total_xp.eq(users::total_xp + row.xp_earned),
                users::updated_at.eq(instant_text(now())),
            ))
            .execute(connection)?;
        let step = ProgressRow {
            id: text(row.id),
            user_id: text(row.user_id),
            goal_id: text(row.goal_id),
            value: row.value,
            xp_earned: row.xp_earned,
            notes: row.notes,
            created_at: instant_text(row.created_at),
        };
        let made = diesel::insert_into(progress::table)
            .values(step)
            .returning(ProgressRow::as_returning())
            .get_result(connection)?;
        black_box(made);
        Ok(raised)
    })
}

fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn instant(text: &str) -> Result<DateTime<Utc>> {
    Ok(DateTime::parse_from_rfc3339(text)?.to_utc())
}

fn decoded(found: Vec<GoalRow>) -> Result<usize> {
    let found: Result<Vec<rows::Goal>> = found.into_iter().map(goal).collect();
    Ok(black_box(found?).len())
}

fn user(row: UserRow) -> Result<rows::User> {
    Ok(rows::User {
        id: Uuid::try_parse(&row.id)?,
        email: row.email,
        name: row.name,
        total_xp: row.total_xp,
        current_level: row.current_level,
        created_at: instant(&row.created_at)?,
        updated_at: instant(&row.updated_at)?,
    })
}

fn goal(row: GoalRow) -> Result<rows::Goal> {
    Ok(rows::Goal {
        id: Uuid::try_parse(&row.id)?,
        user_id: Uuid::try_parse(&row.user_id)?,
        title: row.title,
        description: row.description,
        status: row.status,
        created_at: instant(&row.created_at)?,
        updated_at: instant(&row.updated_at)?,
    })
}

fn import(row: &rows::NewImport) -> ImportRow {
    let row = row.clone().fill();
    ImportRow {
        id: text(row.id),
        user_id: text(row.user_id),
        title: row.title,
        description: row.description,
        status: row.status,
        created_at: instant_text(row.created_at),
        updated_at: instant_text(row.updated_at),
    }
}
