//! SeaORM on PostgreSQL and MariaDB: entities and active models over the pool of sqlx.

use std::hint::black_box;
use std::pin::Pin;

use sea_orm::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, DatabaseConnection, QueryOrder, QuerySelect, SqlxMySqlConnector,
    SqlxPostgresConnector, TransactionTrait,
};

use super::{Answer, Candidate, LIST, Operation, PAGE, Result, sqlx_mysql, sqlx_postgres};
use crate::rows::{self, NewProgress, now};

mod users {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub name: String,
        pub total_xp: i64,
        pub current_level: i32,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod goals {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "goals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub title: String,
        pub description: Option<String>,
        pub status: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod progress {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "progress")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub goal_id: Uuid,
        pub value: i64,
        pub xp_earned: i64,
        pub notes: Option<String>,
        pub created_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod imports {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "imports")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub title: String,
        pub description: Option<String>,
        pub status: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub struct SeaServer {
    db: DatabaseConnection,
}

impl SeaServer {
    pub async fn postgres(url: &str, size: usize) -> Result<Self> {
        let pool = sqlx_postgres::pool(url, size).await?;
        let db = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        Ok(Self { db })
    }

    pub async fn mariadb(url: &str, size: usize) -> Result<Self> {
        let pool = sqlx_mysql::pool(url, size).await?;
        let db = SqlxMySqlConnector::from_sqlx_mysql_pool(pool);
        Ok(Self { db })
    }

    async fn goals(&self, query: Select<goals::Entity>, most: u64) -> Result<usize> {
        let query = query.order_by_asc(goals::Column::Id).limit(most);
        let found = query.all(&self.db).await?;
        let found: Result<Vec<rows::Goal>> = found.into_iter().map(goal).collect();
        Ok(black_box(found?).len())
    }

    async fn transaction(&self, new: NewProgress) -> Result<usize> {
        let row = new.fill();
        let tx = self.db.begin().await?;
        let more = Expr::col(users::Column::TotalXp).add(row.xp_earned);
        let raised = users::Entity::update_many()
            .col_expr(users::Column::TotalXp, more)
            .col_expr(users::Column::UpdatedAt, Expr::value(now()))
            .filter(users::Column::Id.eq(row.user_id))
            .exec(&tx)
            .await?;
        let made = progress::ActiveModel {
            id: Set(row.id),
            user_id: Set(row.user_id),
            goal_id: Set(row.goal_id),
            value: Set(row.value),
            xp_earned: Set(row.xp_earned),
            notes: Set(row.notes),
            created_at: Set(row.created_at),
        };
        black_box(made.insert(&tx).await?);
        tx.commit().await?;
        Ok(raised.rows_affected as usize)
    }

    async fn bulk(&self, rows: Vec<rows::NewImport>) -> Result<usize> {
        let tx = self.db.begin().await?;
        let mut count = 0;
        for chunk in rows.chunks(1000) {
            let models = chunk.iter().map(|row| {
                let row = row.clone().fill();
                imports::ActiveModel {
                    id: Set(row.id),
                    user_id: Set(row.user_id),
                    title: Set(row.title),
                    description: Set(row.description),
                    status: Set(row.status),
                    created_at: Set(row.created_at),
                    updated_at: Set(row.updated_at),
                }
            });
            let insert = imports::Entity::insert_many(models);
            count += insert.exec_without_returning(&tx).await? as usize;
        }
        tx.commit().await?;
        Ok(count)
    }

    async fn run(&self, operation: Operation) -> Result<usize> {
        match operation {
            Operation::Find(id) => {
                let found = users::Entity::find_by_id(id).one(&self.db).await?;
                let found = found.map(user).transpose()?;
                Ok(usize::from(black_box(found).is_some()))
            }
            Operation::List(id) => {
                let query = goals::Entity::find().filter(goals::Column::UserId.eq(id));
                self.goals(query, LIST as u64).await
            }
            Operation::Page { after, .. } => {
                let query = goals::Entity::find().filter(goals::Column::Id.gt(after));
                Ok(self.goals(query, PAGE as u64 + 1).await?.min(PAGE))
            }
            Operation::Insert(new) => {
                let row = new.fill();
                let made = users::ActiveModel {
                    id: Set(row.id),
                    email: Set(row.email),
                    name: Set(row.name),
                    total_xp: Set(row.total_xp),
                    current_level: Set(row.current_level),
                    created_at: Set(row.created_at),
                    updated_at: Set(row.updated_at),
                };
                black_box(user(made.insert(&self.db).await?)?);
                Ok(1)
            }
            Operation::Transaction(new) | Operation::Batch(new) => self.transaction(new).await,
            Operation::Bulk(rows) => self.bulk(rows).await,
        }
    }
}

impl Candidate for SeaServer {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(self.run(operation))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let _ = self.db.close_by_ref().await;
        })
    }
}

fn user(row: users::Model) -> Result<rows::User> {
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

fn goal(row: goals::Model) -> Result<rows::Goal> {
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
