//! What belongs to a database as such and is not in it: its owner, who may connect, its settings.
//!
//! A new database that takes the place of an old one on the same server gets them from it.

use mainstay::schema::Dialect;
use mainstay::{Database, Result};

use super::locale::literal;

/// Settings whose value is a list of names, and is stored with the quotes it needs.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// A setting of a database, for all or for one role.
#[derive(Debug)]
struct Setting {
    role: Option<String>,
    name: String,
    value: String,
}

/// A right on a database, for all or for one role.
#[derive(Debug)]
struct Right {
    role: Option<String>,
    name: String,
    may_grant: bool,
}

/// Gives what belongs to the database `from` to the database `to`.
///
/// What the user may not set is told and left out: that is no reason to stay without a database.
pub(super) async fn carry(db: &Database, from: &str, to: &str) -> Result<()> {
    for statement in statements(db, from, to).await? {
        if let Err(error) = db.script(statement.as_str()).await {
            tracing::warn!(
                target: "mainstay::backup", %error, statement,
                "something of the old database was not set on the new one"
            );
        }
    }
    Ok(())
}

async fn statements(db: &Database, from: &str, to: &str) -> Result<Vec<String>> {
    let dialect = Dialect::Postgres;
    let on = dialect.quote(to);
    let mut out = Vec::new();
    let facts = db
        .sql(
            "SELECT datconnlimit, shobj_description(oid, 'pg_database'), datacl IS NOT NULL, \
             CASE WHEN datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user) THEN NULL \
             ELSE pg_get_userbyid(datdba)::text END FROM pg_database WHERE datname = ?",
        )
        .bind(from)
        .fetch_with(|row| {
            Ok((
                row.get::<i32>(0)?,
                row.get::<Option<String>>(1)?,
                row.get::<bool>(2)?,
                row.get::<Option<String>>(3)?,
            ))
        })
        .await?;
    let Some((limit, comment, has_rights, owner)) = facts.into_iter().next() else {
        return Ok(out);
    };
    if limit >= 0 {
        out.push(format!("ALTER DATABASE {on} CONNECTION LIMIT {limit}"));
    }
    if let Some(comment) = comment {
        out.push(format!("COMMENT ON DATABASE {on} IS {}", literal(&comment)));
    }
    let settings = settings(db, from).await?;
    out.extend(settings.iter().map(|setting| setting.statement(&on)));
    if has_rights {
        out.push(format!("REVOKE ALL ON DATABASE {on} FROM PUBLIC"));
        let rights = rights(db, from).await?;
        out.extend(rights.iter().map(|right| right.statement(&on)));
    }
    // Last: afterwards the rest may not be ours to do.
    if let Some(owner) = owner {
        let owner = dialect.quote(&owner);
        out.push(format!("ALTER DATABASE {on} OWNER TO {owner}"));
    }
    Ok(out)
}

async fn settings(db: &Database, from: &str) -> Result<Vec<Setting>> {
    let rows = db
        .sql(
            "SELECT r.rolname::text, unnest(s.setconfig) FROM pg_db_role_setting s \
             JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole \
             WHERE d.datname = ? ORDER BY 1 NULLS FIRST",
        )
        .bind(from)
        .fetch_with(|row| Ok((row.get::<Option<String>>(0)?, row.get::<String>(1)?)))
        .await?;
    let read = rows.into_iter().filter_map(|(role, text)| {
        let (name, value) = text.split_once('=')?;
        Some(Setting {
            role,
            name: name.to_owned(),
            value: value.to_owned(),
        })
    });
    Ok(read.collect())
}

async fn rights(db: &Database, from: &str) -> Result<Vec<Right>> {
    db.sql(
        "SELECT r.rolname::text, a.privilege_type, a.is_grantable FROM pg_database d, \
         aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
         WHERE d.datname = ? AND a.grantee <> d.datdba ORDER BY 1, 2",
    )
    .bind(from)
    .fetch_with(|row| {
        Ok(Right {
            role: row.get(0)?,
            name: row.get(1)?,
            may_grant: row.get(2)?,
        })
    })
    .await
}

impl Setting {
    fn statement(&self, database: &str) -> String {
        let dialect = Dialect::Postgres;
        let whose = match &self.role {
            Some(role) => format!("ROLE {} IN DATABASE {database}", dialect.quote(role)),
            None => format!("DATABASE {database}"),
        };
        let is_list = LISTS.contains(&self.name.as_str());
        let value = if is_list && !self.value.is_empty() {
            self.value.clone()
        } else {
            literal(&self.value)
        };
        // An extension's setting has a dot in its name.
        let name: Vec<String> = self
            .name
            .split('.')
            .map(|part| dialect.quote(part))
            .collect();
        format!("ALTER {whose} SET {} TO {value}", name.join("."))
    }
}

impl Right {
    fn statement(&self, database: &str) -> String {
        let role = match &self.role {
            Some(role) => Dialect::Postgres.quote(role),
            None => "PUBLIC".to_owned(),
        };
        let option = if self.may_grant {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        format!(
            "GRANT {} ON DATABASE {database} TO {role}{option}",
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_rights_are_written_as_statements() {
        let setting = |role: Option<&str>, name: &str, value: &str| {
            let setting = Setting {
                role: role.map(str::to_owned),
                name: name.into(),
                value: value.into(),
            };
            setting.statement("\"new\"")
        };
        assert_eq!(
            setting(None, "work_mem", "it's"),
            "ALTER DATABASE \"new\" SET \"work_mem\" TO 'it''s'"
        );
        assert_eq!(
            setting(Some("app"), "search_path", "\"$user\", public"),
            "ALTER ROLE \"app\" IN DATABASE \"new\" SET \"search_path\" TO \"$user\", public"
        );
        assert_eq!(
            setting(None, "my.setting", ""),
            "ALTER DATABASE \"new\" SET \"my\".\"setting\" TO ''"
        );
        let right = Right {
            role: None,
            name: "CONNECT".into(),
            may_grant: false,
        };
        assert_eq!(
            right.statement("\"new\""),
            "GRANT CONNECT ON DATABASE \"new\" TO PUBLIC"
        );
    }
}
