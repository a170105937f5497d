//! A dump read in pieces, whole and broken.

use proptest::prelude::*;

use super::*;

const DUMP: &str = "/*M!999999\\- enable the sandbox mode */ \n\
-- CHANGE MASTER TO MASTER_LOG_FILE='bin.000007', MASTER_LOG_POS=6835;\n\
DROP TABLE IF EXISTS `notes`;\n\
CREATE TABLE `notes` (\n  `id` int(11) NOT NULL,\n  `text` text DEFAULT 'INSERT INTO `x` VALUES (1)'\n) ENGINE=InnoDB;\n\
INSERT INTO `notes` VALUES\n(1,'),(\\'),('),\n(2,NULL),\n(3,'INSERT INTO `x` VALUES (1);\\n-- c\\\\'),(4,'it''s'),(5,0x00FF);\n\
INSERT INTO `notes` VALUES\n(6,'');\n\
DELIMITER ;;\nCREATE PROCEDURE p() BEGIN\nINSERT INTO `notes` VALUES (1);\nCREATE TABLE `made` (a int);\nEND ;;\nDELIMITER ;\n\
CREATE TABLE `odd ``name``; -- x` (\n  `VALUES (` text\n);\n\
INSERT INTO `odd ``name``; -- x` (`VALUES (`, `b``VALUES `) VALUES (1,'\n'),(2,'');\n\
/*!50001 CREATE VIEW `vw` AS SELECT\n NULL AS `id`*/;\n\
CREATE TABLE `empty` (\n  `a` int\n);\n\
CREATE TABLE `_mainstay_migrations` (\n  `version` text\n);\n\
INSERT INTO `_mainstay_migrations` VALUES\n('20260101000000','first','x','applied',1,1,'2026-01-01 00:00:00.000000',5,2);\n\
-- SET GLOBAL gtid_slave_pos='0-1-27';\n\
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;";

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Scanned> {
    let mut scanner = Scanner::default();
    for piece in pieces {
        scanner.feed(piece);
    }
    scanner.finish()
}

fn table(name: &str, rows: &[&str]) -> Table {
    let mut content = Content::default();
    for row in rows {
        content.add(row.as_bytes());
    }
    content.table(name)
}

fn expected() -> Vec<Table> {
    vec![
        table(
            "_mainstay_migrations",
            &["'20260101000000','first','x','applied',1,1,'2026-01-01 00:00:00.000000',5,2"],
        ),
        table("empty", &[]),
        table(
            "notes",
            &[
                "1,'),(\\'),('",
                "2,NULL",
                "3,'INSERT INTO `x` VALUES (1);\\n-- c\\\\'",
                "4,'it''s'",
                "5,0x00FF",
                "6,''",
            ],
        ),
        table("odd `name`; -- x", &["1,'\n'", "2,''"]),
    ]
}

#[test]
fn tables_rows_and_position_are_read() {
    let found = scan([DUMP.as_bytes()]).expect("a whole dump");
    assert_eq!(found.tables, expected());
    assert_eq!(
        found.log,
        Some(LogPosition {
            file: "bin.000007".to_owned(),
            position: 6835,
            gtid: Some("0-1-27".to_owned()),
        })
    );
    let schema = found.schema.expect("a record of migrations");
    assert_eq!(
        (schema.version.as_str(), schema.applied),
        ("20260101000000", 1)
    );
}

#[test]
fn every_cut_in_two_gives_the_same() {
    for at in 0..DUMP.len() {
        let (one, two) = DUMP.as_bytes().split_at(at);
        let found = scan([one, two]).expect("a whole dump");
        assert_eq!(found.tables, expected(), "cut at {at}");
        assert_eq!(found.log.map(|log| log.position), Some(6835), "cut at {at}");
    }
    let found = scan(DUMP.as_bytes().chunks(1)).expect("a whole dump");
    assert_eq!(found.tables, expected());
}

#[test]
fn a_dump_that_is_cut_off_or_strange_is_refused() {
    let open = b"INSERT INTO `a` VALUES\n(1,'x";
    let error = scan([&open[..]]).expect_err("cut off");
    assert!(error.detail().contains("ends in the middle"), "{error}");
    let strange = b"INSERT INTO `a` VALUES\n(1) ON DUPLICATE KEY UPDATE;\n";
    let error = scan([&strange[..]]).expect_err("strange");
    assert!(error.detail().contains("after row 1 of a"), "{error}");
}

/// A field as the program that dumps writes it.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("NULL".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "([0-9A-F]{2}){1,9}".prop_map(|digits| format!("0x{digits}")),
        "[a-z(),;'\"\\\\\n`é]{0,12}".prop_map(|text| {
            let text = text.replace('\\', "\\\\").replace('\'', "\\'");
            format!("'{}'", text.replace('\n', "\\n").replace('"', "\\\""))
        }),
    ]
}

proptest! {
    #[test]
    fn however_it_is_cut_the_rows_are_the_same(
        rows in prop::collection::vec(prop::collection::vec(field(), 1..5), 1..30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        let mut text = "CREATE TABLE `t` (\n  `a` int\n);\nINSERT INTO `t` VALUES\n".to_owned();
        let tuples: Vec<String> = rows.iter().map(|row| format!("({row})")).collect();
        text.push_str(&tuples.join(",\n"));
        text.push_str(";\n");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        cuts.push(0);
        cuts.push(text.len());
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        let found = scan(pieces).expect("a whole dump");
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        prop_assert_eq!(found.tables, vec![table("t", &rows)]);
    }
}
