//! Mainstay: the public API with its whole line on.

use std::hint::black_box;
use std::pin::Pin;
use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::repository::Cursor;
use mainstay::{Database, Repository};

use super::{Answer, Candidate, Failure, LIST, Operation, PAGE, Result};
use crate::plan::PAGE_PLACES;
use crate::rows::{Goal, Import, NewProgress, Progress, User, schema};

pub struct Mainstay {
    db: Database,
    users: Repository<User>,
    goals: Repository<Goal>,
    imports: Repository<Import>,
    /// Where the pages start, found once, as a client would have got them from the page before.
    cursors: Vec<Option<Cursor>>,
}

/// Opens a handle in the profile of production with a pool of the size that all candidates have.
pub async fn open(url: &str, pool: usize, synchronous: &str, create: bool) -> Result<Database> {
    let config = ConfigLoader::new()
        .env([("MAINSTAY_ENV", "production")])
        .set("url", url)
        // Servers of one machine, for all candidates alike.
        .set("tls", "disable")
        .set("pool.max", pool.to_string())
        .set("pool.min", pool.to_string())
        .set("sqlite.synchronous", synchronous)
        .load()?;
    let mut builder = Database::builder().schema(schema());
    if create {
        builder = builder.create_if_missing();
    }
    Ok(builder.open(&config).await?)
}

impl Mainstay {
    pub async fn new(db: Database, first_page: u64) -> Result<Self> {
        let goals = db.repository::<Goal>();
        let mut cursors = Vec::new();
        let first = goals
            .find_many()
            .page_after(None, first_page)
            .timeout(Duration::from_secs(60));
        let mut cursor = first.await?.next;
        for _ in 0..PAGE_PLACES {
            cursors.push(cursor.clone());
            cursor = goals
                .find_many()
                .page_after(cursor, PAGE as u64)
                .await?
                .next;
        }
        Ok(Self {
            users: db.repository(),
            goals,
            imports: db.repository(),
            cursors,
            db,
        })
    }

    async fn transaction(&self, step: NewProgress) -> Result<usize, mainstay::Error> {
        self.db
            .transaction(move |tx| {
                let step = step.clone();
                async move {
                    let raise = User::TOTAL_XP.increment(step.xp_earned);
                    let user = User::ID.eq(step.user_id);
                    let raised = tx.repository::<User>().update_many(user, [raise]).await?;
                    black_box(tx.repository::<Progress>().create(step).await?);
                    Ok::<_, mainstay::Error>(raised as usize)
                }
            })
            .await
    }

    async fn run(&self, operation: Operation) -> Result<usize> {
        Ok(match operation {
            Operation::Find(id) => {
                usize::from(black_box(self.users.find_by_id(id).await?).is_some())
            }
            Operation::List(user) => {
                let goals = self.goals.find_many().filter(Goal::USER_ID.eq(user));
                black_box(goals.by_key().take(LIST as u64).await?).len()
            }
            Operation::Page { number, .. } => {
                let cursor = self.cursors[number].clone();
                let page = self
                    .goals
                    .find_many()
                    .page_after(cursor, PAGE as u64)
                    .await?;
                black_box(page).items.len()
            }
            Operation::Insert(user) => {
                black_box(self.users.create(user).await?);
                1
            }
            Operation::Transaction(step) => self.transaction(step).await?,
            Operation::Batch(step) => {
                let raise = [User::TOTAL_XP.increment(step.xp_earned)];
                let batch = self.db.batch().update::<User>(step.user_id, raise);
                let changed = batch.create::<Progress>(step).await?;
                black_box(&changed);
                changed.first().map_or(0, |rows| *rows as usize)
            }
            Operation::Bulk(rows) => {
                let request = self.imports.create_many(rows);
                request.timeout(Duration::from_secs(120)).await? as usize
            }
        })
    }
}

impl Candidate for Mainstay {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(self.run(operation))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let closed: Result<(), Failure> = self
                .db
                .close(Duration::from_secs(10))
                .await
                .map_err(Into::into);
            if let Err(error) = closed {
                eprintln!("closing Mainstay: {error}");
            }
        })
    }
}
