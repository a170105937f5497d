//! The breaker under a clock that is moved by hand.

use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn options() -> Options {
    Options::default()
}

struct Bench {
    breaker: Breaker,
    now: Instant,
}

impl Bench {
    fn new(options: Options) -> Self {
        let now = Instant::now();
        Self {
            breaker: Breaker::new(options, now),
            now,
        }
    }

    fn call(&mut self, sample: Sample) -> bool {
        match self.breaker.admit(self.now) {
            Ok(ticket) => {
                self.breaker.record(self.now, ticket, sample, 1.0);
                true
            }
            Err(_) => false,
        }
    }

    fn calls(&mut self, count: u64, sample: Sample) -> u64 {
        (0..count).map(|_| u64::from(self.call(sample))).sum()
    }

    fn pass(&mut self, time: Duration) -> State {
        self.now += time;
        self.state()
    }

    fn state(&mut self) -> State {
        self.breaker.state(self.now)
    }

    /// Open for the first time.
    fn opened() -> Self {
        let mut bench = Self::new(options());
        assert_eq!(bench.calls(100, Sample::Failed), options().minimum_calls);
        assert_eq!(bench.state(), State::Open);
        bench
    }

    fn half_open() -> Self {
        let mut bench = Self::opened();
        assert_eq!(bench.pass(options().open), State::HalfOpen);
        bench
    }

    fn ramping() -> Self {
        let mut bench = Self::half_open();
        bench.calls(u64::from(options().successes), Sample::Answered);
        assert_eq!(bench.state(), State::Ramping);
        bench
    }
}

#[test]
fn a_trip_opens_it_before_its_first_call() {
    let start = Instant::now();
    let mut breaker = Breaker::new(Options::default(), start);
    breaker.trip(start, 1.0);
    assert_eq!(breaker.state(start), State::Open);
    assert_eq!(breaker.trouble_since(), Some(start));
    assert!(breaker.admit(start).is_err());
    let later = start + Options::default().open;
    assert_eq!(breaker.state(later), State::HalfOpen);
}

#[test]
fn few_calls_say_nothing() {
    let mut bench = Bench::new(options());
    bench.calls(options().minimum_calls - 1, Sample::Failed);
    assert_eq!(bench.state(), State::Closed);
    bench.pass(options().window);
    bench.calls(options().minimum_calls - 1, Sample::Failed);
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn answers_of_any_kind_keep_it_closed() {
    let mut bench = Bench::new(options());
    for _ in 0..1000 {
        bench.calls(3, Sample::Answered);
        bench.calls(1, Sample::Nothing);
        bench.pass(MS);
    }
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.breaker.rates(bench.now), Some((0.0, 0.0)));
}

#[test]
fn half_of_the_calls_open_it() {
    let mut bench = Bench::new(options());
    bench.calls(50, Sample::Answered);
    for _ in 0..40 {
        bench.call(Sample::Failed);
        bench.call(Sample::Answered);
    }
    assert_eq!(bench.state(), State::Closed);
    bench.pass(options().window);
    for _ in 0..20 {
        bench.call(Sample::Failed);
        bench.call(Sample::Answered);
    }
    assert_eq!(bench.state(), State::Open);
}

#[test]
fn a_row_of_failures_opens_it_after_any_number_of_good_calls() {
    let mut bench = Bench::new(options());
    bench.breaker.record_answered(bench.now, 1_000_000);
    bench.calls(options().in_a_row - 1, Sample::Failed);
    bench.call(Sample::Answered);
    bench.calls(options().in_a_row - 1, Sample::Failed);
    assert_eq!(bench.state(), State::Closed);
    bench.call(Sample::Failed);
    assert_eq!(bench.state(), State::Open);
}

#[test]
fn slow_calls_open_it() {
    let mut bench = Bench::new(options());
    bench.calls(3, Sample::Answered);
    bench.calls(7, Sample::Slow);
    assert_eq!(bench.state(), State::Closed);
    bench.calls(1, Sample::Slow);
    assert_eq!(bench.state(), State::Closed);
    bench.calls(10, Sample::Slow);
    assert_eq!(bench.state(), State::Open);
}

#[test]
fn open_it_says_when_to_come_again() {
    let mut bench = Bench::opened();
    assert_eq!(bench.breaker.admit(bench.now), Err(options().open));
    bench.pass(options().open / 5);
    assert_eq!(bench.breaker.admit(bench.now), Err(options().open * 4 / 5));
    assert_eq!(
        bench.breaker.trouble_since(),
        Some(bench.now - options().open / 5)
    );
}

#[test]
fn it_stays_open_longer_each_time_up_to_the_cap() {
    let mut bench = Bench::opened();
    let mut stays = Vec::new();
    for _ in 0..6 {
        let stay = bench.breaker.admit(bench.now).unwrap_err();
        stays.push(stay.as_millis());
        bench.pass(stay);
        assert!(bench.call(Sample::Failed));
    }
    assert_eq!(stays, [250, 500, 1000, 1500, 1500, 1500]);
}

#[test]
fn few_probes_at_a_time() {
    let mut bench = Bench::half_open();
    let first = bench.breaker.admit(bench.now).unwrap();
    let second = bench.breaker.admit(bench.now).unwrap();
    assert!(bench.breaker.admit(bench.now).is_err());
    // One is dropped, and another takes its place.
    bench.breaker.release(first);
    let third = bench.breaker.admit(bench.now).unwrap();
    for ticket in [second, third] {
        bench
            .breaker
            .record(bench.now, ticket, Sample::Answered, 1.0);
    }
    assert_eq!(bench.state(), State::HalfOpen);
    assert!(bench.call(Sample::Nothing));
    assert_eq!(bench.state(), State::HalfOpen);
    assert!(bench.call(Sample::Answered));
    assert_eq!(bench.state(), State::Ramping);
}

#[test]
fn probes_that_hang_make_place() {
    let mut bench = Bench::half_open();
    let hung: Vec<_> = (0..2)
        .map(|_| bench.breaker.admit(bench.now).unwrap())
        .collect();
    assert!(bench.breaker.admit(bench.now).is_err());
    bench.pass(options().probe_limit);
    assert!(bench.breaker.admit(bench.now).is_ok());
    // What they say when they end at last still counts.
    bench
        .breaker
        .record(bench.now, hung[0], Sample::Failed, 1.0);
    assert_eq!(bench.state(), State::Open);
    // And from then on it does not.
    bench.pass(options().open * 2);
    bench
        .breaker
        .record(bench.now, hung[1], Sample::Failed, 1.0);
    assert_eq!(bench.state(), State::HalfOpen);
}

#[test]
fn the_ramp_lets_more_and_more_through() {
    let mut bench = Bench::ramping();
    let mut places = Vec::new();
    for _ in 0..4 {
        let mut fresh = bench.breaker.clone();
        places.push(
            (0..10_000)
                .take_while(|_| fresh.admit(bench.now).is_ok())
                .count(),
        );
        bench.pass(options().ramp / 4);
    }
    assert_eq!(places, [4, 16, 64, 256]);
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.breaker.trouble_since(), None);
}

#[test]
fn the_ramp_forgives_one_failure_but_not_many() {
    let mut bench = Bench::ramping();
    bench.call(Sample::Failed);
    bench.call(Sample::Answered);
    bench.call(Sample::Failed);
    assert_eq!(bench.state(), State::Ramping);
    bench.calls(2, Sample::Failed);
    assert_eq!(bench.state(), State::Open);
}

#[test]
fn late_answers_from_before_change_nothing() {
    let mut bench = Bench::new(options());
    let early: Vec<_> = (0..50)
        .map(|_| bench.breaker.admit(bench.now).unwrap())
        .collect();
    bench.calls(100, Sample::Failed);
    bench.pass(options().open);
    for ticket in early {
        bench.breaker.record(bench.now, ticket, Sample::Failed, 1.0);
    }
    assert_eq!(bench.state(), State::HalfOpen);
    bench.breaker.record_answered(bench.now, 50);
    assert_eq!(bench.state(), State::HalfOpen);
}

fn samples() -> impl Strategy<Value = Sample> {
    prop_oneof![
        Just(Sample::Answered),
        Just(Sample::Slow),
        Just(Sample::Failed),
        Just(Sample::Nothing),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Admit,
    End(usize, Sample),
    Drop(usize),
    Forget(usize),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step, f64)>> {
    let step = prop_oneof![
        3 => Just(Step::Admit),
        3 => (any::<usize>(), samples()).prop_map(|(which, sample)| Step::End(which, sample)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Forget),
    ];
    prop::collection::vec((0_u64..300, step, 0.0..1.0_f64), 0..300)
}

proptest! {
    /// Whatever happens: probes are few, refusals name a time within the cap, and a service that
    /// answers from now on is fully served again within a bounded time.
    #[test]
    fn it_always_closes_again(steps in steps()) {
        let options = options();
        let mut bench = Bench::new(options);
        let mut open = Vec::new();
        for (pause, step, unit) in steps {
            let state = bench.pass(MS * pause as u32);
            let pick = |open: &mut Vec<Ticket>, which: usize| {
                (!open.is_empty()).then(|| open.swap_remove(which % open.len()))
            };
            match step {
                Step::Admit => match bench.breaker.admit(bench.now) {
                    Ok(ticket) => {
                        prop_assert_ne!(state, State::Open);
                        prop_assert_eq!(ticket.has_place(), state != State::Closed);
                        open.push(ticket);
                    }
                    Err(after) => {
                        prop_assert_ne!(state, State::Closed);
                        prop_assert!(after <= options.open_cap);
                    }
                },
                Step::End(which, sample) => {
                    if let Some(ticket) = pick(&mut open, which) {
                        bench.breaker.record(bench.now, ticket, sample, unit);
                    }
                }
                Step::Drop(which) => {
                    if let Some(ticket) = pick(&mut open, which) {
                        bench.breaker.release(ticket);
                    }
                }
                Step::Forget(which) => drop(pick(&mut open, which)),
            }
            if bench.state() == State::HalfOpen {
                prop_assert!(bench.breaker.under_way.len() <= options.probes as usize);
            }
            prop_assert_eq!(bench.state() == State::Closed, bench.breaker.trouble_since().is_none());
        }
        let bound = options.open_cap + options.probe_limit + options.ramp + MS * 200;
        let healed = bench.now + bound;
        while bench.now < healed {
            bench.call(Sample::Answered);
            bench.pass(MS * 20);
        }
        prop_assert_eq!(bench.state(), State::Closed);
    }

    /// Nothing but failures and slow calls opens it.
    #[test]
    fn only_trouble_opens_it(calls in prop::collection::vec((0_u64..50, any::<bool>()), 0..500)) {
        let mut bench = Bench::new(options());
        for (pause, answered) in calls {
            bench.pass(MS * pause as u32);
            let sample = if answered { Sample::Answered } else { Sample::Nothing };
            prop_assert!(bench.call(sample));
        }
    }
}
