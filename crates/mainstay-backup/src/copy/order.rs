//! Which table comes before which.

use std::collections::{BTreeMap, BTreeSet};

/// Tables in an order in which each comes behind those it refers to. Tables that refer to each
/// other in a circle are one group; the others are alone in theirs.
///
/// `references` has what each table refers to. Tables that are not among its keys count for nothing.
pub(super) fn groups(references: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = references
        .keys()
        .map(|table| (*table, reachable(references, table)))
        .collect();
    let mut left: BTreeSet<&str> = references.keys().copied().collect();
    let mut out = Vec::new();
    while let Some(group) = next(&reach, &left) {
        for table in &group {
            left.remove(table);
        }
        out.push(group.into_iter().map(str::to_owned).collect());
    }
    out
}

/// The first table, with those it refers to in a circle, that needs nothing of what is left.
fn next<'a>(
    reach: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    left: &BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    left.iter().find_map(|table| {
        let needed: Vec<&str> = reach[table].intersection(left).copied().collect();
        // Whatever it needs has to need it as well.
        let is_circle = needed.iter().all(|other| reach[other].contains(table));
        is_circle.then(|| {
            let mut group: BTreeSet<&str> = needed.into_iter().collect();
            group.insert(table);
            group.into_iter().collect()
        })
    })
}

fn reachable<'a>(
    references: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    from: &str,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = references[from].iter().copied().collect();
    while let Some(table) = open.pop() {
        if let Some((name, further)) = references.get_key_value(table)
            && found.insert(*name)
        {
            open.extend(further);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(pairs: &[(&'static str, &[&'static str])]) -> Vec<Vec<String>> {
        let references = pairs
            .iter()
            .map(|(table, others)| (*table, others.iter().copied().collect()))
            .collect();
        groups(&references)
    }

    #[test]
    fn parents_come_first() {
        assert_eq!(
            ordered(&[
                ("goals", &["users", "modules"]),
                ("modules", &[]),
                ("progress", &["goals", "users"]),
                ("users", &["elsewhere"]),
            ]),
            [["modules"], ["users"], ["goals"], ["progress"]]
        );
    }

    #[test]
    fn circles_are_groups_and_a_reference_to_itself_is_none() {
        assert_eq!(
            ordered(&[
                ("a", &["b"]),
                ("b", &["c"]),
                ("c", &["a", "e"]),
                ("d", &["d", "a"]),
                ("e", &[]),
            ]),
            [vec!["e"], vec!["a", "b", "c"], vec!["d"]]
        );
    }
}
