//! What the Markdown files say is there and is true: links, paths, names of tests, the table of
//! keys and the table of error codes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{files, read, relative, root};
use mainstay::{Error, ErrorKind, RetryClass};

/// Endings by which a code span is known to be a path of this repository.
const PATH_ENDINGS: &[&str] = &["/", ".rs", ".md", ".sql", ".yml", ".snap"];

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for file in markdown() {
        for link in links(&prose(&read(&file))) {
            if let Err(problem) = follow(&file, &link) {
                wrong.push(format!("{}: {problem}", relative(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn paths_in_code_spans_exist() {
    let mut wrong = Vec::new();
    for file in markdown() {
        for span in code_spans(&prose(&read(&file))) {
            let is_path = span.contains('/')
                && PATH_ENDINGS.iter().any(|ending| span.ends_with(ending))
                && span
                    .chars()
                    .all(|c| c.is_alphanumeric() || "/._-".contains(c))
                && !span.starts_with('/');
            if is_path && !root().join(&span).exists() {
                wrong.push(format!("{}: {span}", relative(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "no such path: {wrong:#?}");
}

#[test]
fn the_readme_has_the_table_of_keys() {
    let readme = read(&root().join("README.md"));
    let table = mainstay::config::reference_markdown();
    assert!(
        readme.contains(&table),
        "README.md, section Configuration, must hold this table:\n{table}"
    );
}

#[test]
fn every_error_code_is_explained() {
    let text = read(&root().join("docs/errors.md"));
    let sections: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let codes: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| code(*kind)).collect();
    assert_eq!(sections, codes);
    for kind in ErrorKind::ALL {
        let section = text
            .split("### ")
            .find(|part| part.starts_with(code(*kind)));
        let section = section.unwrap_or_default();
        for part in ["Meaning:", "Cause:", "What to do:"] {
            assert!(section.contains(part), "{} lacks {part}", code(*kind));
        }
    }
}

#[test]
fn the_table_of_error_codes_is_the_codes_own() {
    let text = read(&root().join("docs/errors.md"));
    let mut table = String::from(
        "| Code | `ErrorKind` | HTTP | Retry | Prisma | Public message |\n\
         |---|---|---|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let error = Error::new(*kind, "");
        let retry = match error.retry() {
            RetryClass::Never => "never",
            RetryClass::Safe => "safe",
            RetryClass::AfterResolving => "after resolving",
            _ => "?",
        };
        let _ = writeln!(
            table,
            "| [{code}](#{anchor}) | `{kind:?}` | {} | {retry} | {} | {} |",
            error.http_status(),
            error.prisma_code().unwrap_or("-"),
            public_message(&error),
            code = code(*kind),
            anchor = anchor(code(*kind)),
        );
    }
    assert!(
        text.contains(&table),
        "docs/errors.md must hold this table:\n{table}"
    );
}

#[test]
fn every_capability_is_in_the_readme_in_order() {
    let readme = read(&root().join("README.md"));
    let rows: Vec<Vec<&str>> = section(&readme, "## What it does")
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Capability"))
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(str::trim).collect()
        })
        .collect();
    let names: Vec<_> = rows.iter().map(|cells| cells[0]).collect();
    assert_eq!(names, CAPABILITIES);
    for cells in &rows {
        assert_eq!(cells.len(), 5, "{cells:?}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
        // A row is promised for later, or shows how it is proven.
        let [_, api, _, _, test] = cells[..] else {
            continue;
        };
        assert!(test == "later" || test.contains("]("), "{cells:?}");
        assert!(test != "later" || api.contains("later"), "{cells:?}");
    }
}

/// The requirements the project started from, in their order and words.
const CAPABILITIES: &[&str] = &[
    "Production-ready database configuration",
    "Connection pooling and optimization",
    "Comprehensive error handling",
    "Data validation and sanitization",
    "Database migration scripts",
    "Backup and recovery procedures",
    "Performance monitoring setup",
    "Transaction management utilities",
    "Environment-specific database configs",
    "Connection retry logic",
    "Query optimization utilities",
    "Database seeding for development",
    "Schema validation in CI/CD",
    "Database logging and monitoring",
    "Connection leak prevention",
    "Database integration tests",
    "Migration testing",
    "Performance benchmarking",
    "Error scenario testing",
    "Data integrity testing",
    "Database setup documentation",
    "Schema documentation",
    "Migration guide",
    "Troubleshooting guide",
    "Performance tuning guide",
    "Database connections are pooled and reused efficiently",
    "Automatic reconnection on connection failures",
    "Graceful degradation when database is unavailable",
    "Connection timeouts are properly configured",
    "Memory leaks from unclosed connections are prevented",
    "All user inputs are validated before database operations",
    "Foreign key constraints are properly enforced",
    "Data type validation prevents corruption",
    "Unique constraints prevent duplicate data",
    "Cascading deletes work correctly for related data",
    "Single command database setup for new developers",
    "Consistent seed data across development environments",
    "Easy migration between database versions",
    "Clear error messages for database issues",
    "Hot reloading works with database changes",
    "Use `select` to fetch only needed fields",
    "Implement pagination for large datasets",
    "Use database indexes for common queries",
    "Batch operations where possible",
    "Configure connection pooling based on expected load",
    "Implement connection health checks",
    "Monitor connection usage metrics",
    "Set appropriate timeouts",
    "Implement query result caching for static data",
    "Use database-level caching for frequently accessed data",
    "Cache expensive aggregation queries",
    "Implement cache invalidation strategies",
];

/// Messages that stand in no source file of ours as a whole: those of the engines themselves, and
/// some that are put together from parts.
const OTHER_MESSAGES: &[&str] = &[
    "dialing failed",
    "looking up the host name failed",
    "logging in failed",
    "asking for TLS failed",
    "not signed by a public authority",
    "skipping the tests on PostgreSQL",
    "Connection refused",
    "file is not a database",
    "too many connections",
    "password authentication failed for user",
    "no pg_hba.conf entry for host",
    "no encryption",
    "connection requires a valid client certificate",
    "Access denied for user",
    "(using password: YES)",
    "to database",
    "permission denied for schema public",
    "CREATE command denied",
];

#[test]
fn messages_in_the_guides_are_those_of_the_code() {
    let mut source = String::new();
    for file in files(&root().join("crates"), &["rs"]) {
        for line in read(&file).lines().map(str::trim) {
            // A text goes on behind a backslash at the end of the line.
            source.push_str(line.strip_suffix('\\').unwrap_or(line));
        }
    }
    let mut wrong = Vec::new();
    for name in ["docs/troubleshooting.md", "docs/migrations.md"] {
        for message in quoted_messages(&prose(&read(&root().join(name)))) {
            for part in message.split("...").flat_map(|part| part.split(": ")) {
                let part = part.trim_matches([' ', ',', '(', ')']);
                let known =
                    source.contains(part) || OTHER_MESSAGES.iter().any(|text| text.contains(part));
                if !known {
                    wrong.push(format!("{name}: {message}: no such text: {part}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What stands in double quotes in headings and in the first cells of tables.
fn quoted_messages(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let heading = line.strip_prefix("### ");
            heading.or_else(|| line.strip_prefix("| ")?.split(" | ").next())
        })
        .flat_map(|place| place.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// The code as the documentation names it; an engine error without a kind of its own shows its
/// Prisma code instead.
fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Database => "P2039",
        kind => Error::new(kind, "").code(),
    }
}

fn public_message(error: &Error) -> String {
    error
        .public_message()
        .trim_end_matches([':', ' '])
        .to_owned()
}

fn markdown() -> Vec<PathBuf> {
    let found = files(&root(), &["md"]);
    assert!(found.len() > 5, "the guides are gone: {found:?}");
    found
}

/// A link as written: text and target.
struct Link {
    text: String,
    target: String,
}

fn follow(from: &Path, link: &Link) -> Result<(), String> {
    let target = link.target.as_str();
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, fragment) = match target.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (target, None),
    };
    let file = match path {
        "" => from.to_owned(),
        path => from.parent().unwrap_or(from).join(path),
    };
    if !file.exists() {
        return Err(format!("{target} does not exist"));
    }
    if let Some(fragment) = fragment {
        let text = prose(&read(&file));
        let mut headings = text.lines().filter_map(|line| {
            let heading = line.trim_start_matches('#');
            (heading.len() < line.len()).then(|| anchor(heading.trim()))
        });
        if !headings.any(|heading| heading == fragment) {
            return Err(format!("{target}: there is no such heading"));
        }
    }
    // A link whose text is a name in code leads to the file that has the name.
    let name = link
        .text
        .strip_prefix('`')
        .and_then(|t| t.strip_suffix('`'));
    if let Some(name) = name.filter(|_| path.ends_with(".rs")) {
        let name = name.split(['(', '<']).next().unwrap_or_default();
        let last = name.rsplit([':', '.', '/']).next().unwrap_or_default();
        let is_path = name.ends_with(".rs");
        let text = read(&file);
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        if !is_path && !words.any(|word| word == last) {
            return Err(format!("{target} does not hold {name}"));
        }
    }
    Ok(())
}

/// A heading as GitHub makes an anchor of it.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// A section of a file, up to the next heading of its level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("{heading}\n"));
    let start = start.unwrap_or_else(|| panic!("no section {heading}"));
    let body = &text[start + heading.len()..];
    &body[..body.find("\n## ").unwrap_or(body.len())]
}

/// The text without fenced code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("](") {
        let rest = &text[at + 2..];
        let Some(end) = rest.find(')') else { continue };
        let start = text[..at].rfind('[').map_or(at, |start| start + 1);
        found.push(Link {
            text: text[start..at].to_owned(),
            target: rest[..end].to_owned(),
        });
    }
    found
}

fn code_spans(text: &str) -> Vec<String> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_reader_of_markdown_reads_it_right() {
    let text =
        "# A `b`, c!\nsee [`x::y`](a.rs) and [b](c.md#d) and `crates/x.rs`\n```\n[no](no)\n```\n";
    let plain = prose(text);
    let targets: Vec<_> = links(&plain)
        .into_iter()
        .map(|l| (l.text, l.target))
        .collect();
    let expected = [("`x::y`", "a.rs"), ("b", "c.md#d")].map(|(a, b)| (a.into(), b.into()));
    assert_eq!(targets, expected);
    assert!(code_spans(&plain).contains(&"crates/x.rs".to_owned()));
    assert_eq!(anchor("A `b`, c!"), "a-b-c");
    let here = root().join("README.md");
    let link = |text: &str, target: &str| Link {
        text: text.into(),
        target: target.into(),
    };
    assert!(follow(&here, &link("x", "no/such.md")).is_err());
    assert!(follow(&here, &link("x", "README.md#no-such-heading")).is_err());
    assert!(
        follow(
            &here,
            &link("`Error::no_such_name`", "crates/mainstay/src/error/mod.rs")
        )
        .is_err()
    );
    assert!(
        follow(
            &here,
            &link("`Error::code`", "crates/mainstay/src/error/mod.rs")
        )
        .is_ok()
    );
}
