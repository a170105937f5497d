//! Which of the three is the odd one out, difference by difference. Pure.

use serde::Serialize;

use super::claims::claims;
use super::states::States;
use crate::diff::{Change, Object, Property, compare, describe};

/// The odd one out of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Odd {
    /// The migrations lag behind the entities, or are ahead of them; the database is what the
    /// migrations make.
    Entities,
    /// The database has what the entities say, and no migration makes it so.
    Migrations,
    /// The database was changed by hand.
    Database,
    /// No two agree.
    All,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The odd one out.
    pub odd: Odd,
    /// The difference in words.
    pub words: String,
    /// Whose the left side of the change is, and whose the right.
    pub between: [&'static str; 2],
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Whether the entities and the migrations disagree.
    #[serde(skip)]
    pub concerns_entities: bool,
    /// Whether the migrations and the database disagree.
    #[serde(skip)]
    pub concerns_database: bool,
}

const ENTITIES: &str = "the entities";
const MIGRATIONS: &str = "the migrations";
const APPLIED: &str = "the applied migrations";
const DATABASE: &str = "the database";
const ENTITIES_AND_MIGRATIONS: &str = "the entities and the migrations";
const ENTITIES_AND_DATABASE: &str = "the entities and the database";
const MIGRATIONS_AND_DATABASE: &str = "the migrations and the database";

/// Every difference between the three, each once.
///
/// The entities are compared with what all migrations make, and the database with what those make
/// that are applied to it. What differs only because migrations are pending is no difference.
pub fn judge(states: &States) -> Vec<Difference> {
    let said = claims(&states.entities, &states.migrations, &[]);
    let lagging = compare(&said, &states.migrations);
    let by_hand = compare(&states.applied, &states.live);
    let met = compare(&claims(&states.entities, &states.live, &[]), &states.live);
    let pending = compare(&states.applied, &states.migrations);
    let has = |all: &[Change], change: &Change| all.iter().any(|other| same_place(other, change));
    let is_pending = |change: &Change| pending.iter().any(|other| touches(other, change));

    let mut out = Vec::new();
    for change in &lagging {
        let difference = if is_pending(change) {
            // What the database has now says nothing of what it will have.
            Difference::new(Odd::Entities, [ENTITIES, MIGRATIONS], change)
        } else {
            let changed = by_hand
                .iter()
                .find(|other| same_place(other, change) && other.left == change.right);
            match changed {
                None => Difference::new(Odd::Entities, [ENTITIES, MIGRATIONS_AND_DATABASE], change),
                Some(_) if has(&met, change) => {
                    Difference::new(Odd::All, [ENTITIES, MIGRATIONS], change)
                }
                Some(_) => {
                    let sides = [ENTITIES_AND_DATABASE, MIGRATIONS];
                    let mut both = Difference::new(Odd::Migrations, sides, change);
                    both.concerns_database = true;
                    both
                }
            }
        };
        out.push(Difference {
            concerns_entities: true,
            ..difference
        });
    }
    for change in &by_hand {
        let told = out.iter().any(|one| {
            one.odd == Odd::Migrations
                && same_place(&one.change, change)
                && one.change.right == change.left
        });
        if told {
            continue;
        }
        let all = out
            .iter()
            .any(|one| one.odd == Odd::All && same_place(&one.change, change));
        let (odd, left) = match (all, is_pending(change)) {
            (true, _) => (Odd::All, MIGRATIONS),
            (false, true) => (Odd::Database, APPLIED),
            // The entities are silent on what they cannot say.
            (false, false) if has(&met, change) && !has(&lagging, change) => {
                (Odd::Database, ENTITIES_AND_MIGRATIONS)
            }
            (false, false) => (Odd::Database, MIGRATIONS),
        };
        out.push(Difference {
            concerns_database: true,
            ..Difference::new(odd, [left, DATABASE], change)
        });
    }
    // Within what only the entities and the database have.
    for change in &met {
        if !has(&lagging, change) && !has(&by_hand, change) && !is_pending(change) {
            out.push(Difference {
                concerns_entities: true,
                concerns_database: true,
                ..Difference::new(Odd::All, [ENTITIES, DATABASE], change)
            });
        }
    }
    out.sort_by_key(|one| one.odd);
    out
}

impl Difference {
    fn new(odd: Odd, between: [&'static str; 2], change: &Change) -> Self {
        Self {
            odd,
            words: describe(change, between[0], between[1]),
            between,
            change: change.clone(),
            concerns_entities: false,
            concerns_database: false,
        }
    }
}

/// Whether two changes are about the same property of the same thing.
fn same_place(a: &Change, b: &Change) -> bool {
    a.table == b.table && a.object == b.object && a.name == b.name && a.property == b.property
}

/// Whether a change is one of a thing, or of the table that it is in.
fn touches(of: &Change, change: &Change) -> bool {
    let whole = of.object == Object::Table && of.property == Property::Presence;
    of.table == change.table && (whole || (of.object == change.object && of.name == change.name))
}

#[cfg(test)]
#[path = "../tests/judge.rs"]
mod tests;
