//! Whatever callers and server do, the counts come out right.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Act {
    /// A caller comes, waits so long at most, works so long, and leaves the connection in doubt
    /// or not.
    Call {
        limit: u64,
        work: u64,
        doubt: bool,
    },
    /// A caller comes and is dropped after so long, wherever it is.
    Drop {
        after: u64,
    },
    Restart,
    Refuse(bool),
    Freeze(bool),
    Resize(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1_u64..3000, 0_u64..300, any::<bool>())
            .prop_map(|(limit, work, doubt)| Act::Call { limit, work, doubt }),
        6 => (0_u64..300).prop_map(|after| Act::Drop { after }),
        1 => Just(Act::Restart),
        1 => any::<bool>().prop_map(Act::Refuse),
        1 => any::<bool>().prop_map(Act::Freeze),
        1 => (1_usize..6).prop_map(Act::Resize),
    ]
}

async fn work(pool: Pool, limit: Instant, work: u64, doubt: bool) {
    if let Ok(mut guard) = pool.acquire(limit, here()).await {
        let Ok(connection) = guard.connection() else {
            return;
        };
        let _ = connection.run_script("").await;
        sleep(Duration::from_millis(work)).await;
        guard.set_in_doubt(doubt);
    }
}

async fn run(acts: Vec<(u64, Act)>) {
    let settings = PoolOptions {
        leak_after: Duration::from_secs(2),
        reclaim_leaks: true,
        ..options(3, 1)
    };
    let (pool, counts) = pool(settings);
    let mut tasks = Vec::new();
    for (pause, act) in acts {
        sleep(Duration::from_millis(pause)).await;
        match act {
            Act::Call {
                limit,
                work: time,
                doubt,
            } => {
                let limit = Instant::now() + Duration::from_millis(limit);
                tasks.push(tokio::spawn(work(pool.clone(), limit, time, doubt)));
            }
            Act::Drop { after } => {
                let pool = pool.clone();
                tasks.push(tokio::spawn(async move {
                    let call = work(pool, soon(), 200, true);
                    let _ = timeout(Duration::from_millis(after), call).await;
                }));
            }
            Act::Restart => counts.restart(),
            Act::Refuse(to) => counts.set(&counts.refuse, to),
            Act::Freeze(to) => counts.set(&counts.frozen, to),
            Act::Resize(max) => pool.resize(max, 1),
        }
        let status = pool.status();
        assert!(status.in_use() + status.idle + status.checking <= status.open);
    }
    counts.set(&counts.refuse, false);
    counts.set(&counts.frozen, false);
    for task in tasks {
        task.await.unwrap();
    }
    sleep(Duration::from_secs(20)).await;
    let status = pool.status();
    assert_eq!(status.waiting, 0);
    assert_eq!(
        (status.in_use(), status.recovering, status.checking),
        (0, 0, 0)
    );
    assert_eq!((status.closing, status.dialling.len()), (0, 0));
    assert_eq!(status.open, status.idle);
    assert!(status.open >= 1 && status.open <= status.max, "{status:?}");
    assert_eq!(status.open, counts.live.load(Ordering::SeqCst));
    assert_eq!(
        status.opened_total - status.closed_total,
        status.open as u64
    );
    drop(pool.acquire(soon(), here()).await.unwrap());
    pool.close(Duration::from_secs(10)).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(counts.live.load(Ordering::SeqCst), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_counted_twice(
        acts in prop::collection::vec((0_u64..120, act()), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(acts));
    }
}
