//! Diesel on MariaDB: diesel-async with a deadpool.

use std::hint::black_box;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use uuid::Uuid;

use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{self, NewProgress, now};

diesel::table! {
    users (id) {
        id -> Binary,
        email -> Text,
        name -> Text,
        total_xp -> BigInt,
        current_level -> Integer,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}

diesel::table! {
    goals (id) {
        id -> Binary,
        user_id -> Binary,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}

diesel::table! {
    progress (id) {
        id -> Binary,
        user_id -> Binary,
        goal_id -> Binary,
        value -> BigInt,
        xp_earned -> BigInt,
        notes -> Nullable<Text>,
        created_at -> Datetime,
    }
}

diesel::table! {
    imports (id) {
        id -> Binary,
        user_id -> Binary,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(diesel::mysql::Mysql))]
struct UserRow {
    id: Vec<u8>,
    email: String,
    name: String,
    total_xp: i64,
    current_level: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = goals, check_for_backend(diesel::mysql::Mysql))]
struct GoalRow {
    id: Vec<u8>,
    user_id: Vec<u8>,
    title: String,
    description: Option<String>,
    status: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = progress)]
struct ProgressRow {
    id: Vec<u8>,
    user_id: Vec<u8>,
    goal_id: Vec<u8>,
    value: i64,
    xp_earned: i64,
    notes: Option<String>,
    created_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = imports)]
struct ImportRow {
    id: Vec<u8>,
    user_id: Vec<u8>,
    title: String,
    description: Option<String>,
    status: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

pub struct DieselMysql {
    pool: Pool<AsyncMysqlConnection>,
}

impl DieselMysql {
    pub fn new(url: &str, size: usize) -> Result<Self> {
        let mut config = ManagerConfig::default();
        // Without a ping before each use: nobody else's does that.
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager).max_size(size).build()?;
        Ok(Self { pool })
    }
}

impl Candidate for DieselMysql {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(async move {
            let mut connection = self.pool.get().await?;
            run(&mut connection, operation).await
        })
    }
}

async fn run(connection: &mut AsyncMysqlConnection, operation: Operation) -> Result<usize> {
    match operation {
        Operation::Find(id) => {
            let query = users::table.find(bytes(id)).select(UserRow::as_select());
            let found = query
                .first(connection)
                .await
                .optional()?
                .map(user)
                .transpose()?;
            Ok(usize::from(black_box(found).is_some()))
        }
        Operation::List(id) => {
            let found = goals::table
                .filter(goals::user_id.eq(bytes(id)))
                .order(goals::id)
                .limit(LIST)
                .select(GoalRow::as_select())
                .load(connection)
                .await?;
            decoded(found)
        }
        Operation::Page { after, .. } => {
            let found = goals::table
                .filter(goals::id.gt(bytes(after)))
                .order(goals::id)
                .limit(PAGE as i64 + 1)
                .select(GoalRow::as_select())
                .load(connection)
                .await?;
            Ok(decoded(found)?.min(PAGE))
        }
        Operation::Insert(new) => {
            let row = new.fill();
            let row = UserRow {
                id: bytes(row.id),
                email: row.email,
                name: row.name,
                total_xp: row.total_xp,
                current_level: row.current_level,
                created_at: row.created_at.naive_utc(),
                updated_at: row.updated_at.naive_utc(),
            };
            // Diesel has no RETURNING for MySQL and MariaDB: what was sent is the answer.
            let made = diesel::insert_into(users::table)
                .values(&row)
                .execute(connection)
                .await?;
            black_box(user(row)?);
            Ok(made)
        }
        Operation::Transaction(new) | Operation::Batch(new) => transaction(connection, new).await,
        Operation::Bulk(rows) => {
            connection
                .transaction(async |connection| {
                    let mut count = 0;
                    for chunk in rows.chunks(1000) {
                        let chunk: Vec<ImportRow> = chunk.iter().map(import).collect();
                        count += diesel::insert_into(imports::table)
                            .values(chunk)
                            .execute(connection)
                            .await?;
                    }
                    Ok(count)
                })
                .await
        }
    }
}

async fn transaction(connection: &mut AsyncMysqlConnection, new: NewProgress) -> Result<usize> {
    let row = new.fill();
    connection
        .transaction(async |connection| {
            let raised = diesel::update(users::table.find(bytes(row.user_id)))
                .set((
                    users::total_xp.eq(users::total_xp + row.xp_earned),
                    users::updated_at.eq(now().naive_utc()),
                ))
                .execute(connection)
                .await?;
            let step = ProgressRow {
                id: bytes(row.id),
                user_id: bytes(row.user_id),
                goal_id: bytes(row.goal_id),
                value: row.value,
                xp_earned: row.xp_earned,
                notes: row.notes,
                created_at: row.created_at.naive_utc(),
            };
            diesel::insert_into(progress::table)
                .values(&step)
                .execute(connection)
                .await?;
            black_box(step);
            Ok(raised)
        })
        .await
}

fn bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn decoded(found: Vec<GoalRow>) -> Result<usize> {
    let found: Result<Vec<rows::Goal>> = found.into_iter().map(goal).collect();
    Ok(black_box(found?).len())
}

fn user(row: UserRow) -> Result<rows::User> {
    Ok(rows::User {
        id: Uuid::from_slice(&row.id)?,
        email: row.email,
        name: row.name,
        total_xp: row.total_xp,
        current_level: row.current_level,
        created_at: row.created_at.and_utc(),
        updated_at: row.updated_at.and_utc(),
    })
}

fn goal(row: GoalRow) -> Result<rows::Goal> {
    Ok(rows::Goal {
        id: Uuid::from_slice(&row.id)?,
        user_id: Uuid::from_slice(&row.user_id)?,
        title: row.title,
        description: row.description,
        status: row.status,
        created_at: row.created_at.and_utc(),
        updated_at: row.updated_at.and_utc(),
    })
}

fn import(row: &rows::NewImport) -> ImportRow {
    let row = row.clone().fill();
    ImportRow {
        id: bytes(row.id),
        user_id: bytes(row.user_id),
        title: row.title,
        description: row.description,
        status: row.status,
        created_at: row.created_at.naive_utc(),
        updated_at: row.updated_at.naive_utc(),
    }
}
