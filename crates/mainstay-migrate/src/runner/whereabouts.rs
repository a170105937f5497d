//! What tables are called when a migration has run. Pure.

use mainstay::schema::Dialect;

use crate::ddl::{Act, Action, Dropped, read};
use crate::split::statements;

/// What each of these tables is called behind the statements of a text: `None` for one that is
/// gone. One that is dropped counts as made anew where another one takes the name it had then, or
/// had at first.
pub(super) fn afterwards<'a>(
    dialect: Dialect,
    texts: impl Iterator<Item = &'a str>,
    tables: &[String],
) -> Vec<Option<String>> {
    let mut all = Names {
        followed: tables
            .iter()
            .map(|first| Followed {
                last: first.clone(),
                is_there: true,
            })
            .collect(),
        made: Vec::new(),
    };
    for text in texts {
        for tokens in statements(dialect, text).unwrap_or_default() {
            all.see(read(dialect, text, &tokens));
        }
    }
    let now = all.followed.iter().zip(tables);
    now.map(|(table, first)| {
        let again = [&table.last, first];
        let again = again.into_iter().find(|name| all.is_made(name));
        if table.is_there {
            Some(table.last.clone())
        } else {
            again.cloned()
        }
    })
    .collect()
}

/// One of the tables.
struct Followed {
    /// Its name, or the one it had when it was dropped.
    last: String,
    is_there: bool,
}

struct Names {
    followed: Vec<Followed>,
    /// The tables that are there and were not before.
    made: Vec<String>,
}

impl Names {
    fn see(&mut self, act: Act) {
        match act {
            Act::CreateTable(made) if !made.temporary => self.made.push(made.name.name),
            Act::Drop(gone) if gone.what == Dropped::Table => {
                for name in gone.names {
                    self.drop(&name.name);
                }
            }
            Act::AlterTable(alter) => {
                for action in alter.actions {
                    if let Action::RenameTable { to } = action {
                        self.rename(&alter.table.name, to.name);
                    }
                }
            }
            _ => {}
        }
    }

    fn drop(&mut self, name: &str) {
        match self.follow(name) {
            Some(table) => table.is_there = false,
            None => self.made.retain(|made| !same(made, name)),
        }
    }

    fn rename(&mut self, from: &str, to: String) {
        match self.follow(from) {
            Some(table) => table.last = to,
            None => {
                self.made.retain(|made| !same(made, from));
                self.made.push(to);
            }
        }
    }

    fn follow(&mut self, name: &str) -> Option<&mut Followed> {
        let mut all = self.followed.iter_mut();
        all.find(|table| table.is_there && same(&table.last, name))
    }

    fn is_made(&self, name: &str) -> bool {
        self.made.iter().any(|made| same(made, name))
    }
}

/// SQLite, which alone rebuilds tables, does not tell upper and lower case apart.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, tables: &[&str]) -> Vec<Option<String>> {
        let tables: Vec<String> = tables.iter().map(|name| (*name).to_owned()).collect();
        afterwards(Dialect::Sqlite, text.split(';'), &tables)
    }

    fn names(all: &[Option<&str>]) -> Vec<Option<String>> {
        all.iter().map(|name| name.map(str::to_owned)).collect()
    }

    #[test]
    fn a_table_that_is_made_anew_keeps_its_name() {
        let both = ["goals", "steps"];
        let kept = names(&[Some("goals"), Some("steps")]);
        let anew = "CREATE TABLE new (id INT); INSERT INTO new SELECT * FROM goals; \
                    DROP TABLE Goals; ALTER TABLE new RENAME TO goals";
        assert_eq!(of(anew, &both), kept);
        let aside = "ALTER TABLE goals RENAME TO old; CREATE TABLE goals (id INT); \
                     INSERT INTO goals SELECT * FROM old; DROP TABLE old";
        assert_eq!(of(aside, &both), kept);
        assert_eq!(of("SELECT 1", &both), kept);
    }

    #[test]
    fn what_is_renamed_or_dropped_besides_is_followed() {
        let anew = "CREATE TABLE new (id INT); DROP TABLE aims; ALTER TABLE new RENAME TO aims";
        let renamed = format!("ALTER TABLE goals RENAME TO aims; {anew}; DROP TABLE steps");
        let both = ["goals", "steps"];
        assert_eq!(of(&renamed, &both), names(&[Some("aims"), None]));
        let moved = "ALTER TABLE steps RENAME TO marks; ALTER TABLE marks RENAME TO ticks";
        assert_eq!(of(moved, &both), names(&[Some("goals"), Some("ticks")]));
        // Only what takes its place counts.
        let gone = "CREATE TABLE new (id INT); DROP TABLE goals; DROP TABLE IF EXISTS new";
        assert_eq!(of(gone, &both), names(&[None, Some("steps")]));
        let temporary = "CREATE TEMP TABLE goals (id INT); DROP TABLE goals";
        assert_eq!(of(temporary, &["goals"]), names(&[None]));
    }
}
