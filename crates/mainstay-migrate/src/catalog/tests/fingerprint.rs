use mainstay::schema::Dialect;

use super::*;

fn key(name: &str, columns: &[&str], options: &[&str]) -> Key {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Key {
        name: Some(name.to_owned()),
        columns: owned(columns),
        options: owned(options),
    }
}

fn table(change: impl FnOnce(&mut Table)) -> Catalog {
    let mut table = Table {
        name: "t".to_owned(),
        columns: vec![Column {
            name: "a".to_owned(),
            ty: "int".to_owned(),
            collation: None,
            nullable: true,
            default: None,
            identity: None,
            generated: None,
            on_update: None,
            comment: None,
        }],
        primary_key: Some(key("k", &["a"], &[])),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        triggers: Vec::new(),
        options: Vec::new(),
        comment: None,
    };
    change(&mut table);
    Catalog {
        tables: vec![table],
        ..Catalog::empty(Dialect::Sqlite)
    }
}

#[test]
fn every_change_changes_it() {
    let catalogs = [
        Catalog::empty(Dialect::Sqlite),
        Catalog::empty(Dialect::MariaDb),
        table(|_| {}),
        table(|t| t.name = "u".to_owned()),
        table(|t| t.columns[0].nullable = false),
        table(|t| t.columns[0].default = Some(String::new())),
        table(|t| t.columns[0].collation = Some(String::new())),
        table(|t| t.columns[0].identity = Some(Identity::Always)),
        table(|t| t.columns[0].identity = Some(Identity::ByDefault)),
        table(|t| t.primary_key = None),
        table(|t| t.primary_key = Some(key("k", &["a", "b"], &[]))),
        table(|t| t.primary_key = Some(key("k", &["a"], &["b"]))),
        table(|t| t.primary_key = Some(key("k", &["ab"], &[]))),
        table(|t| t.uniques = vec![key("k", &["a"], &[])]),
        table(|t| t.options = vec!["STRICT".to_owned()]),
        table(|t| t.comment = Some("STRICT".to_owned())),
    ];
    let mut prints: Vec<_> = catalogs.iter().map(Catalog::fingerprint).collect();
    assert!(prints.iter().all(|print| print.starts_with("v1:")));
    assert_eq!(table(|_| {}).fingerprint(), prints[2]);
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), catalogs.len());
}
