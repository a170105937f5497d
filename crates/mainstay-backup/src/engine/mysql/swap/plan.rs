//! The statements of a swap.

use super::super::quote;
use super::journal::Journal;

/// The statement that moves all tables: the old ones away, the new ones in their place. `None` when
/// neither database has any.
pub(super) fn rename(journal: &Journal) -> Option<String> {
    let mut moves = Vec::new();
    let mut to = |tables: &[String], from: &str, to: &str| {
        for table in tables {
            let (from, to, table) = (quote(from), quote(to), quote(table));
            moves.push(format!("{from}.{table} TO {to}.{table}"));
        }
    };
    if let Some(kept) = &journal.kept {
        to(&journal.old_tables, &journal.old, kept);
    }
    to(&journal.new_tables, &journal.new, &journal.old);
    (!moves.is_empty()).then(|| format!("RENAME TABLE {}", moves.join(", ")))
}

/// Drops a trigger, an event, a view or a routine.
pub(super) fn drop_object(kind: &str, database: &str, name: &str) -> String {
    format!("DROP {kind} IF EXISTS {}.{}", quote(database), quote(name))
}

/// How a database is removed that was kept.
pub(super) fn removal(kept: &str) -> String {
    format!("DROP DATABASE {}", quote(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tables_move_in_one_statement() {
        let mut journal = Journal {
            old: "shop".to_owned(),
            new: "new".to_owned(),
            kept: Some("kept".to_owned()),
            old_tables: vec!["a".to_owned(), "b`".to_owned()],
            new_tables: vec!["a".to_owned()],
            old_objects: Vec::new(),
            new_objects: Vec::new(),
        };
        assert_eq!(
            rename(&journal).expect("tables"),
            "RENAME TABLE `shop`.`a` TO `kept`.`a`, `shop`.`b``` TO `kept`.`b```, \
             `new`.`a` TO `shop`.`a`"
        );
        journal.old_tables.clear();
        journal.new_tables.clear();
        assert_eq!(rename(&journal), None);
        assert_eq!(
            drop_object("EVENT", "a", "b`c"),
            "DROP EVENT IF EXISTS `a`.`b``c`"
        );
    }
}
