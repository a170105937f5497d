use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;
use mainstay::schema::Dialect;
use mainstay_migrate::plan::{Goal, plan};
use mainstay_migrate::{Migration, MigrationSet, PerDialect, Plan};

use super::*;

/// A screen of any height, as the bar and what is written draw it: only the last line is drawn over.
#[derive(Debug, Clone, Default)]
struct Screen(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    above: Vec<String>,
    last: String,
    /// All that the last line ever was.
    drawn: Vec<String>,
}

impl Screen {
    fn put(&self, text: &str) {
        let mut lines = self.0.lock().expect("no panic");
        for part in text.split_inclusive('\n') {
            lines.last.push_str(part.trim_end_matches('\n'));
            let last = lines.last.clone();
            lines.drawn.push(last.clone());
            if part.ends_with('\n') {
                lines.above.push(last);
                lines.last.clear();
            }
        }
    }

    fn above(&self) -> Vec<String> {
        self.0.lock().expect("no panic").above.clone()
    }

    fn last(&self) -> String {
        self.0.lock().expect("no panic").last.clone()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        120
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        assert_eq!(n, 0, "the bar is one line");
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(text);
        self.put("\n");
        Ok(())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        self.0.lock().expect("no panic").last.clear();
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(std::str::from_utf8(bytes).expect("UTF-8"));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static MIGRATIONS: MigrationSet = MigrationSet::new(&[Migration {
    version: "20260101000000",
    name: "create",
    up: PerDialect::same("CREATE TABLE a (id INT); CREATE TABLE b (id INT)"),
    down: None,
}]);

fn planned() -> Plan {
    plan(&MIGRATIONS, Dialect::Sqlite, &Default::default(), &Goal::Up).expect("right")
}

/// A screen, and a bar on it.
fn drawn() -> (Screen, Terminal, Bar) {
    let screen = Screen::default();
    let terminal = Terminal::to(io::sink(), screen.clone());
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let bar = Bar::new(&terminal, target);
    (screen, terminal, bar)
}

#[test]
fn the_running_statement_stands_under_the_lines_and_goes_with_the_migration() {
    let (screen, terminal, bar) = drawn();
    let plan = planned();
    let step = &plan.steps[0];
    bar.on(Event::Begun { step });
    bar.on(Event::StatementBegun { step, position: 0 });
    bar.bar.tick();
    let line = screen.last();
    assert!(
        line.contains("up 20260101000000_create [")
            && line.contains("] 0/2 done, 0.0s, 0.0s in all"),
        "{line}"
    );
    assert!(line.contains("CREATE TABLE a"), "{line}");
    // Neither remarks nor log lines meet the bar.
    terminal.note("a remark");
    terminal.log(b"WARN a line of the log\n");
    bar.on(Event::StatementDone {
        step,
        position: 0,
        took: Duration::from_millis(2),
    });
    bar.on(Event::StatementBegun { step, position: 1 });
    bar.bar.tick();
    assert!(screen.last().contains("1/2 done"), "{}", screen.last());
    bar.on(Event::StatementDone {
        step,
        position: 1,
        took: Duration::from_millis(3),
    });
    bar.on(Event::Ended {
        step,
        took: Duration::from_millis(5),
    });
    assert_eq!(screen.last(), "");
    assert_eq!(
        screen.above(),
        [
            "applying 20260101000000_create: 2 statements",
            "a remark",
            "WARN a line of the log",
            "  1/2 in 2.0ms: CREATE TABLE a (id INT)",
            "  2/2 in 3.0ms: CREATE TABLE b (id INT)",
        ]
    );
}

#[test]
fn nothing_is_left_of_it_after_an_error_or_an_interruption() {
    let plan = planned();
    let step = &plan.steps[0];
    let (screen, _terminal, bar) = drawn();
    bar.on(Event::Begun { step });
    bar.on(Event::StatementBegun { step, position: 0 });
    bar.bar.tick();
    assert_ne!(screen.last(), "");
    drop(bar);
    assert_eq!(screen.last(), "");

    let (screen, terminal, bar) = drawn();
    bar.on(Event::Begun { step });
    terminal.stop_drawing();
    // The run may go on for a moment.
    bar.on(Event::StatementBegun { step, position: 0 });
    bar.on(Event::Begun { step });
    bar.bar.tick();
    assert_eq!(screen.last(), "");
    assert_eq!(screen.above().len(), 2);
}

#[test]
fn times_are_short() {
    assert_eq!(seconds(Duration::from_millis(1250)), "1.2s");
    assert_eq!(seconds(Duration::from_secs(61)), "1m01s");
}
