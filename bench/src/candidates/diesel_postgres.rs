//! Diesel on PostgreSQL: diesel-async with a deadpool.

use std::hint::black_box;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{self, NewProgress, now};

diesel::table! {
    users (id) {
        id -> Uuid,
        email -> Text,
        name -> Text,
        total_xp -> BigInt,
        current_level -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    goals (id) {
        id -> Uuid,
        user_id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    progress (id) {
        id -> Uuid,
        user_id -> Uuid,
        goal_id -> Uuid,
        value -> BigInt,
        xp_earned -> BigInt,
        notes -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    imports (id) {
        id -> Uuid,
        user_id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
struct UserRow {
    id: Uuid,
    email: String,
    name: String,
    total_xp: i64,
    current_level: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = goals, check_for_backend(diesel::pg::Pg))]
struct GoalRow {
    id: Uuid,
    user_id: Uuid,
    title: String,
    description: Option<String>,
    status: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = progress, check_for_backend(diesel::pg::Pg))]
struct ProgressRow {
    id: Uuid,
    user_id: Uuid,
    goal_id: Uuid,
    value: i64,
    xp_earned: i64,
    notes: Option<String>,
    created_at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = imports)]
struct ImportRow {
    id: Uuid,
    user_id: Uuid,
    title: String,
    description: Option<String>,
    status: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub struct DieselPostgres {
    pool: Pool<AsyncPgConnection>,
}

impl DieselPostgres {
    pub fn new(url: &str, size: usize) -> Result<Self> {
        let mut config = ManagerConfig::default();
        // Without a ping before each use: nobody else's does that.
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager).max_size(size).build()?;
        Ok(Self { pool })
    }
}

impl Candidate for DieselPostgres {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(async move {
            let mut connection = self.pool.get().await?;
            run(&mut connection, operation).await
        })
    }
}

async fn run(connection: &mut AsyncPgConnection, operation: Operation) -> Result<usize> {
    match operation {
        Operation::Find(id) => {
            let query = users::table.find(id).select(UserRow::as_select());
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
                .filter(goals::user_id.eq(id))
                .order(goals::id)
                .limit(LIST)
                .select(GoalRow::as_select())
                .load(connection)
                .await?;
            decoded(found)
        }
        Operation::Page { after, .. } => {
            let found = goals::table
                .filter(goals::id.gt(after))
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
                id: row.id,
                email: row.email,
                name: row.name,
                total_xp: row.total_xp,
                current_level: row.current_level,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            let made = diesel::insert_into(users::table)
                .values(row)
                .returning(UserRow::as_returning())
                .get_result(connection)
                .await?;
            black_box(user(made)?);
            Ok(1)
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

async fn transaction(connection: &mut AsyncPgConnection, new: NewProgress) -> Result<usize> {
    let row = new.fill();
    connection
        .transaction(async |connection| {
            let raised = diesel::update(users::table.find(row.user_id))
                .set((
                    users::total_xp.eq(users::total_xp + row.xp_earned),
                    users::updated_at.eq(now()),
                ))
                .execute(connection)
                .await?;
            let step = ProgressRow {
                id: row.id,
                user_id: row.user_id,
                goal_id: row.goal_id,
                value: row.value,
                xp_earned: row.xp_earned,
                notes: row.notes,
                created_at: row.created_at,
            };
            let made = diesel::insert_into(progress::table)
                .values(step)
                .returning(ProgressRow::as_returning())
                .get_result(connection)
                .await?;
            black_box(made);
            Ok(raised)
        })
        .await
}

fn decoded(found: Vec<GoalRow>) -> Result<usize> {
    let found: Result<Vec<rows::Goal>> = found.into_iter().map(goal).collect();
    Ok(black_box(found?).len())
}

fn user(row: UserRow) -> Result<rows::User> {
    Ok(rows::User {
        id: row.id,
        email: row.email,
        name: row.name,
        total_xp: row.total_xp,
        current_level: row.current_level,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn goal(row: GoalRow) -> Result<rows::Goal> {
    Ok(rows::Goal {
        id: row.id,
        user_id: row.user_id,
        title: row.title,
        description: row.description,
        status: row.status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn import(row: &rows::NewImport) -> ImportRow {
    let row = row.clone().fill();
    ImportRow {
        id: row.id,
        user_id: row.user_id,
        title: row.title,
        description: row.description,
        status: row.status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
