//! The names in the server's messages. Messages are in English unless the server was told
//! otherwise; what is not found is left out.

/// The text between two marks.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let length = text.get(start..)?.find(after)?;
    text.get(start..start + length)
}

/// The key of "Duplicate entry 'value' for key 'table.name'" and its table, where told. The
/// value may hold anything, also the words looked for, so the search starts at the end.
pub(super) fn duplicate_key(message: &str) -> Option<(Option<&str>, &str)> {
    const MARK: &str = " for key '";
    let start = message.rfind(MARK)? + MARK.len();
    let rest = message.get(start..)?;
    let key = rest.get(..rest.rfind('\'')?)?;
    Some(match key.split_once('.') {
        Some((table, name)) => (Some(table), name),
        None => (None, key),
    })
}

/// What a foreign-key message names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignKey<'a> {
    pub(super) table: &'a str,
    pub(super) constraint: &'a str,
    pub(super) columns: Vec<&'a str>,
}

/// From "(`db`.`child`, CONSTRAINT `name` FOREIGN KEY (`column`) REFERENCES ...".
pub(super) fn foreign_key(message: &str) -> Option<ForeignKey<'_>> {
    let (table, rest) = message.split_once(", CONSTRAINT `")?;
    let table = table.rsplit('`').nth(1)?;
    let constraint = rest.split('`').next()?;
    let columns = between(rest, "FOREIGN KEY (", ")")
        .map(|list| {
            list.split(", ")
                .map(|name| name.trim_matches('`'))
                .collect()
        })
        .unwrap_or_default();
    Some(ForeignKey {
        table,
        constraint,
        columns,
    })
}

/// From MariaDB's "CONSTRAINT `name` failed for `db`.`table`": constraint and table.
pub(super) fn check_mariadb(message: &str) -> Option<(&str, &str)> {
    let constraint = between(message, "CONSTRAINT `", "`")?;
    let table = message.split_once(" failed for ")?.1.rsplit('`').nth(1)?;
    Some((constraint, table))
}

/// From MySQL's "Check constraint 'name' is violated."
pub(super) fn check_mysql(message: &str) -> Option<&str> {
    between(message, "constraint '", "'")
}

/// From "Column 'x' cannot be null", "Field 'x' doesn't have", "for column 'x' at row 1" and
/// "for column `db`.`table`.`x` at row 1". The value quoted before it is not looked at.
pub(super) fn column(message: &str) -> Option<&str> {
    const MARKS: [&str; 2] = [" for column ", " column "];
    let rest = MARKS
        .iter()
        .find_map(|mark| message.rfind(mark).map(|at| &message[at + mark.len()..]))
        .or_else(|| message.strip_prefix("Column "))
        .or_else(|| message.strip_prefix("Field "))?;
    if let Some(quoted) = rest.strip_prefix('\'') {
        let name = quoted.split('\'').next()?;
        // "Unknown column 'users.x'"
        return Some(name.rsplit('.').next().unwrap_or(name));
    }
    let name = rest.split(" at row").next()?;
    name.trim_end().strip_suffix('`')?.rsplit('`').next()
}

/// From "Table 'db.table' doesn't exist".
pub(super) fn table(message: &str) -> Option<&str> {
    let name = between(message, "'", "'")?;
    Some(name.rsplit('.').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_duplicates() {
        assert_eq!(
            duplicate_key("Duplicate entry 'a' for key 'users.users_email_key'"),
            Some((Some("users"), "users_email_key"))
        );
        assert_eq!(
            duplicate_key("Duplicate entry 'x' for key 'y' for key 'users_email_key'"),
            Some((None, "users_email_key"))
        );
        assert_eq!(duplicate_key("Doppelter Eintrag"), None);
    }

    #[test]
    fn foreign_keys() {
        let message = "Cannot delete or update a parent row: a foreign key constraint fails \
                       (`db`.`goals`, CONSTRAINT `goals_user_fk` FOREIGN KEY (`user_id`, `n`) \
                       REFERENCES `users` (`id`, `n`))";
        assert_eq!(
            foreign_key(message),
            Some(ForeignKey {
                table: "goals",
                constraint: "goals_user_fk",
                columns: vec!["user_id", "n"],
            })
        );
        assert_eq!(foreign_key("a foreign key constraint fails"), None);
    }

    #[test]
    fn checks() {
        assert_eq!(
            check_mariadb("CONSTRAINT `positive` failed for `db`.`goals`"),
            Some(("positive", "goals"))
        );
        assert_eq!(
            check_mysql("Check constraint 'positive' is violated."),
            Some("positive")
        );
    }

    #[test]
    fn columns_and_tables() {
        assert_eq!(column("Column 'email' cannot be null"), Some("email"));
        assert_eq!(
            column("Field 'email' doesn't have a default value"),
            Some("email")
        );
        assert_eq!(
            column("Data too long for column 'name' at row 1"),
            Some("name")
        );
        assert_eq!(
            column("Incorrect integer value: 'a for column b' for column `db`.`t`.`c` at row 1"),
            Some("c")
        );
        assert_eq!(
            column("Unknown column 'users.nope' in 'SELECT'"),
            Some("nope")
        );
        assert_eq!(table("Table 'db.users' doesn't exist"), Some("users"));
    }
}
