use uuid::Uuid;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// 100 s with ten reads a second of 2 ms each, and a restart at 20 s.
fn soak() -> Soak {
    let read = |number: u32| Entry {
        kind: Kind::Read,
        key: Uuid::nil(),
        begun: SECOND * number / 10,
        ended: SECOND * number / 10 + Duration::from_millis(2),
        told: Told::Done,
        code: None,
    };
    let sample = |number: u32| Sample {
        at: SECOND * number,
        memory: 40_000,
        descriptors: 30,
        open: 5,
    };
    let used = PoolUse { open: 5, in_use: 3 };
    Soak {
        engine: "PostgreSQL".into(),
        length: SECOND * 100,
        planned: SECOND * 100,
        rate: 10,
        seed: 1,
        has_server: true,
        outage: Some(Outage {
            begin: SECOND * 20,
            end: SECOND * 21,
        }),
        recovered: Some(Duration::from_millis(300)),
        entries: (0..1000).map(read).collect(),
        pool: (0..100).map(|number| (SECOND * number, used)).collect(),
        pool_max: 10,
        samples: (0..100).map(sample).collect(),
        rest: Rest::default(),
        verdict: Verdict::default(),
    }
}

/// The first words of the levels that are not met.
fn missed(soak: Soak) -> Vec<String> {
    let levels = Measured::of(soak).levels.into_iter();
    levels
        .filter(|level| !level.is_met)
        .map(|level| level.what)
        .collect()
}

#[test]
fn a_calm_run_meets_every_level() {
    assert_eq!(missed(soak()), Vec::<String>::new());
}

#[test]
fn the_restart_is_counted_apart_but_not_forgotten() {
    let mut soak = soak();
    for entry in &mut soak.entries[200..230] {
        entry.ended = entry.begun + SECOND * 2;
    }
    soak.pool[21].1.in_use = 10;
    let measured = Measured::of(soak);
    assert_eq!(measured.missed(), Vec::<String>::new());
    assert!(
        measured.levels[0]
            .measured
            .contains("(2000.0 ms with the restart)")
    );
    assert!(
        measured.levels[1]
            .measured
            .contains("(100 % with the restart)")
    );
}

#[test]
fn slow_reads_and_a_full_pool_are_missed_levels() {
    let mut slow = soak();
    for entry in &mut slow.entries[500..520] {
        entry.ended = entry.begun + READS;
    }
    assert_eq!(missed(slow), ["p99 of reads by key"]);
    let mut full = soak();
    full.pool[60].1.in_use = 8;
    let measured = Measured::of(full);
    assert!(measured.missed()[0].starts_with("Peak use of the pool on"));
    let notes = measured.notes.join("\n");
    assert!(notes.contains("most after 60 s: 8 of 10"), "{notes}");
}

#[test]
fn a_short_run_with_a_restart_may_lose_what_a_long_one_may() {
    let with = |count: usize, restarted: bool| {
        let mut soak = soak();
        for entry in &mut soak.entries[..count] {
            entry.told = Told::Failed;
        }
        if !restarted {
            soak.outage = None;
        }
        missed(soak)
    };
    assert_eq!(with(18, true), Vec::<String>::new());
    assert_eq!(with(19, true), ["Calls answered"]);
    assert_eq!(with(1, false), Vec::<String>::new());
    assert_eq!(with(2, false), ["Calls answered"]);
}

#[test]
fn growth_is_seen_and_the_pools_own_connections_are_none() {
    let grown = |change: fn(&mut Sample)| {
        let mut soak = soak();
        soak.samples[75..].iter_mut().for_each(change);
        missed(soak)
    };
    assert_eq!(grown(|sample| sample.memory += 7_000), ["Memory"]);
    assert_eq!(grown(|sample| sample.memory += 5_000), Vec::<String>::new());
    let descriptors = ["File descriptors beside the pool's"];
    assert_eq!(grown(|sample| sample.descriptors += 5), descriptors);
    let more_connections = |sample: &mut Sample| {
        sample.descriptors += 5;
        sample.open += 5;
    };
    assert_eq!(grown(more_connections), Vec::<String>::new());
}

#[test]
fn a_run_without_figures_meets_nothing() {
    let mut soak = soak();
    soak.entries.clear();
    soak.pool.clear();
    soak.samples.clear();
    soak.recovered = None;
    assert_eq!(missed(soak).len(), 6);
}
