use super::*;

fn bytes(seed: u64) -> [u8; 21] {
    let mut bytes = [0; 21];
    SeededEntropy::new(seed).fill(&mut bytes);
    bytes
}

#[test]
fn a_seed_decides_everything() {
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

/// The first words for the seed 1234567, as published with the algorithm.
#[test]
fn the_algorithm_is_splitmix64() {
    let entropy = SeededEntropy::new(1_234_567);
    let words: Vec<u64> = (0..3)
        .map(|_| {
            let mut word = [0; 8];
            entropy.fill(&mut word);
            u64::from_le_bytes(word)
        })
        .collect();
    assert_eq!(
        words,
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423
        ]
    );
}

#[test]
fn a_unit_is_below_one() {
    let entropy = SeededEntropy::new(1);
    for _ in 0..1000 {
        let unit = entropy.unit();
        assert!((0.0..1.0).contains(&unit), "{unit}");
    }

    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xFF);
        }
    }
    assert!(Ones.unit() < 1.0);
}

#[test]
fn the_system_source_fills_all_bytes() {
    let (mut a, mut b) = ([0; 32], [0; 32]);
    SystemEntropy.fill(&mut a);
    SystemEntropy.fill(&mut b);
    assert_ne!(a, b);
}

#[test]
fn a_version_7_uuid_holds_the_milliseconds_and_sorts_by_time() {
    let entropy = SeededEntropy::new(3);
    let early: DateTime<Utc> = "2030-01-01T00:00:00.123Z".parse().unwrap();
    let late: DateTime<Utc> = "2030-01-01T00:00:00.124Z".parse().unwrap();
    let (first, second) = (uuid_v7(early, &entropy), uuid_v7(late, &entropy));
    assert_eq!(first.get_version_num(), 7);
    assert_eq!(first.get_variant(), uuid::Variant::RFC4122);
    let millis = u64::try_from(early.timestamp_millis()).unwrap();
    assert_eq!(first.as_bytes()[..6], millis.to_be_bytes()[2..]);
    assert!(first < second);
    assert_ne!(uuid_v7(early, &entropy), uuid_v7(early, &entropy));
}

#[test]
fn an_instant_before_1970_does_not_panic() {
    let old: DateTime<Utc> = "1900-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(uuid_v7(old, &SeededEntropy::new(0)).as_bytes()[..6], [0; 6]);
}

#[test]
fn keys_of_a_series_go_up_and_hold_the_milliseconds() {
    let now: DateTime<Utc> = "2030-01-01T00:00:00.123Z".parse().unwrap();
    let millis = u64::try_from(now.timestamp_millis()).unwrap();
    for seed in 0..20 {
        let mut series = KeySeries::new(now, Arc::new(SeededEntropy::new(seed)));
        let keys: Vec<_> = (0..2000).map(|_| series.next()).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        for key in &keys {
            assert_eq!(key.get_version_num(), 7);
            assert_eq!(key.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(key.as_bytes()[..6], millis.to_be_bytes()[2..]);
        }
    }
}

#[test]
fn the_parts_of_a_series_follow_each_other() {
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(9));
    let series = KeySeries::new(now, entropy);
    let mut parts: Vec<_> = (0..4).map(|part| series.after(part * 300)).collect();
    // Made in any order.
    parts.reverse();
    let mut keys: Vec<Vec<Uuid>> = parts
        .iter_mut()
        .map(|part| (0..300).map(|_| part.next()).collect())
        .collect();
    keys.reverse();
    assert!(keys.concat().is_sorted_by(|a, b| a < b));
}

/// From the largest start on, a counter still has room for more rows than a call can have.
#[test]
fn a_series_does_not_run_over() {
    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xFF);
        }
    }
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let series = KeySeries::new(now, Arc::new(Ones));
    let (mut first, mut last) = (series.after(0), series.after(1 << 40));
    assert!(first.next() < last.next());
}

#[test]
fn two_series_of_one_moment_differ() {
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    let mut a = KeySeries::new(now, Arc::clone(&entropy));
    let mut b = KeySeries::new(now, entropy);
    assert_ne!(a.next(), b.next());
}
