use mainstay::schema::Dialect::MariaDb;

use super::*;

#[test]
fn a_view_without_owner_and_database() {
    let shown = "CREATE ALGORITHM=UNDEFINED DEFINER=`ro ot`@`%` SQL SECURITY DEFINER VIEW `v` AS \
                 select `shop`.`t`.`id` AS `id`,'`shop`.`t`' AS `shop` from `shop`.`t`";
    assert_eq!(
        view(MariaDb, shown, Some("shop")),
        "CREATE VIEW `v` AS select `t`.`id` AS `id`,'`shop`.`t`' AS `shop` from `t`"
    );
    let shown =
        "CREATE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW `v` AS select 1 AS `1`";
    assert_eq!(
        view(MariaDb, shown, None),
        "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v` AS select 1 AS `1`"
    );
}

#[test]
fn a_routine_without_owner() {
    let shown =
        "CREATE DEFINER=`root`@`localhost` PROCEDURE `p`()\nBEGIN SELECT 'DEFINER=`x`@`y`'; END";
    assert_eq!(
        unowned(MariaDb, shown),
        "CREATE PROCEDURE `p`()\nBEGIN SELECT 'DEFINER=`x`@`y`'; END"
    );
    assert_eq!(
        unowned(MariaDb, "CREATE FUNCTION `f`() RETURNS int"),
        "CREATE FUNCTION `f`() RETURNS int"
    );
}

#[test]
fn a_name_in_the_middle_is_no_database() {
    let sql = "REFERENCES `other`.`shop` (`shop`), `a`.`shop`.`b`, `shop`.`t`";
    assert_eq!(
        unqualified(MariaDb, sql, Some("shop")),
        "REFERENCES `other`.`shop` (`shop`), `a`.`shop`.`b`, `t`"
    );
}
