//! How a database encodes and orders text: settled when it is made.

use mainstay::schema::Dialect;
use mainstay::{Database, Result, Tx};
use serde::{Deserialize, Serialize};

/// What the line in front of a dump starts with. It is a comment to everybody else.
const MARK: &str = "-- mainstay database: ";

/// One row, whatever columns the server's version has: they have come and been renamed.
const READ: &str = "SELECT jsonb_build_object('encoding_name', pg_encoding_to_char(encoding)) \
     || to_jsonb(d) FROM pg_database d WHERE datname = ";

/// How a database encodes and orders text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Locale {
    encoding: String,
    collate: String,
    ctype: String,
    /// `i` for ICU, `b` for the server's own, `c` for the system's.
    provider: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    icu_rules: Option<String>,
}

impl Locale {
    /// That of the database a transaction is in.
    pub(super) async fn current(tx: &Tx) -> Result<Option<Self>> {
        let rows = tx
            .sql(format!("{READ}current_database()"))
            .fetch_with(|row| row.get::<serde_json::Value>(0))
            .await?;
        Ok(rows.first().map(Self::of))
    }

    /// That of a database by its name.
    pub(super) async fn named(db: &Database, name: &str) -> Result<Option<Self>> {
        let rows = db
            .sql(format!("{READ}?"))
            .bind(name)
            .fetch_with(|row| row.get::<serde_json::Value>(0))
            .await?;
        Ok(rows.first().map(Self::of))
    }

    fn of(row: &serde_json::Value) -> Self {
        let text = |name: &str| Some(row.get(name)?.as_str()?.to_owned());
        Self {
            encoding: text("encoding_name").unwrap_or_else(|| "UTF8".to_owned()),
            collate: text("datcollate").unwrap_or_default(),
            ctype: text("datctype").unwrap_or_default(),
            provider: text("datlocprovider").unwrap_or_else(|| "c".to_owned()),
            locale: text("datlocale").or_else(|| text("daticulocale")),
            icu_rules: text("daticurules"),
        }
    }

    /// The line in front of a dump.
    pub(super) fn line(&self) -> String {
        // JSON keeps to one line.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{MARK}{json}\n")
    }

    /// What the line in front of a dump says, if there is one.
    pub(super) fn read(start: &[u8]) -> Option<Self> {
        let line = start.split(|byte| *byte == b'\n').next()?;
        serde_json::from_slice(line.strip_prefix(MARK.as_bytes())?).ok()
    }

    fn clause(&self) -> String {
        let mut out = format!(
            " ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            literal(&self.encoding),
            literal(&self.collate),
            literal(&self.ctype)
        );
        let (provider, option) = match self.provider.as_str() {
            "i" => ("icu", "ICU_LOCALE"),
            "b" => ("builtin", "BUILTIN_LOCALE"),
            _ => return out,
        };
        out.push_str(&format!(" LOCALE_PROVIDER {provider}"));
        if let Some(locale) = &self.locale {
            out.push_str(&format!(" {option} {}", literal(locale)));
        }
        if let Some(rules) = &self.icu_rules {
            out.push_str(&format!(" ICU_RULES {}", literal(rules)));
        }
        out
    }
}

/// Makes a database of this kind, or of the server's usual one in UTF-8.
pub(super) async fn create(db: &Database, name: &str, locale: Option<&Locale>) -> Result<()> {
    let clause = locale.map_or_else(|| " ENCODING 'UTF8'".to_owned(), Locale::clause);
    let name = Dialect::Postgres.quote(name);
    // The usual template may have anything in it; this one takes any encoding.
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0{clause}");
    db.script(sql).await
}

/// A text where a statement takes no parameters.
pub(super) fn literal(text: &str) -> String {
    if text.contains('\\') {
        let text = text.replace('\\', "\\\\").replace('\'', "''");
        return format!("E'{text}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_with_the_same_order() {
        let mut locale = Locale {
            encoding: "UTF8".into(),
            collate: "C".into(),
            ctype: "it's".into(),
            provider: "c".into(),
            locale: None,
            icu_rules: None,
        };
        assert_eq!(
            locale.clause(),
            " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'it''s'"
        );
        locale.provider = "i".into();
        locale.locale = Some("und-x-icu".into());
        assert!(
            locale
                .clause()
                .ends_with(" LOCALE_PROVIDER icu ICU_LOCALE 'und-x-icu'")
        );
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
        let line = locale.line();
        assert!(line.starts_with("-- ") && line.ends_with('\n'), "{line}");
        assert_eq!(Locale::read(format!("{line}--\n").as_bytes()), Some(locale));
        assert_eq!(Locale::read(b"--\n-- PostgreSQL database dump\n"), None);
    }
}
