//! Replies lost and servers that hang, through a small proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::*;
use crate::driver::contract::{BeginOptions, Recovery};
use crate::error::{ErrorKind, Outcome, RetryClass};

/// Replies go through.
const PASS: u8 = 0;
/// Replies are swallowed: the server seems to hang.
const SWALLOW: u8 = 1;
/// The next reply cuts the connection instead.
const CUT: u8 = 2;

/// Stands between the driver and the server.
struct Proxy {
    mode: Arc<AtomicU8>,
    port: u16,
}

impl Proxy {
    async fn start(options: &MySqlOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(PASS));
        let server = (options.host.clone(), options.port);
        let shared = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server.clone()).await.unwrap();
                tokio::spawn(forward(client, server, Arc::clone(&shared)));
            }
        });
        Self { mode, port }
    }

    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, mode: Arc<AtomicU8>) {
    let (mut asked, mut replied) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(count) if count > 0 => server.write_all(&asked[..count]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut replied) => match read {
                Ok(count) if count > 0 => match mode.load(Ordering::SeqCst) {
                    PASS => client.write_all(&replied[..count]).await.unwrap(),
                    CUT => return,
                    _ => {}
                },
                _ => return,
            },
        }
    }
}

async fn behind_proxy(name: &str) -> Option<(Db, Proxy, Box<dyn Connection>, Box<dyn Connection>)> {
    let db = Db::create(name).await?;
    let mut direct = db.connect().await;
    direct
        .run_script("CREATE TABLE t (n INT); INSERT INTO t VALUES (0)")
        .await
        .unwrap();
    let proxy = Proxy::start(&db.options).await;
    let mut options = db.options.clone();
    options.host = "127.0.0.1".to_owned();
    options.port = proxy.port;
    let driver = MySqlDriver::open(options, LIMIT, true).await.unwrap();
    let conn = driver.connect(LIMIT).await.unwrap();
    Some((db, proxy, direct, conn))
}

const INSERT: &str = "INSERT INTO t VALUES (1)";

#[tokio::test]
async fn a_lost_reply_to_a_write_is_unknown() {
    let Some((db, proxy, mut direct, mut conn)) = behind_proxy("lost_write").await else {
        return;
    };
    // Prepared, so that only the execution is asked for later.
    write(&mut *conn, INSERT, vec![]).await.unwrap();
    proxy.set(CUT);
    let error = write(&mut *conn, INSERT, vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.retry(), RetryClass::AfterResolving);
    assert!(conn.is_broken());
    // It was applied all the same.
    assert_eq!(count(&mut *direct, "t").await, 3);
    db.end().await;
}

#[tokio::test]
async fn a_reply_lost_before_the_write_is_harmless() {
    let Some((db, proxy, mut direct, mut conn)) = behind_proxy("lost_prepare").await else {
        return;
    };
    proxy.set(CUT);
    let error = write(&mut *conn, INSERT, vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(error.retry(), RetryClass::Safe);
    assert_eq!(count(&mut *direct, "t").await, 1);
    db.end().await;
}

#[tokio::test]
async fn a_write_lost_within_a_transaction_is_not_applied() {
    let Some((db, proxy, mut direct, mut conn)) = behind_proxy("lost_tx").await else {
        return;
    };
    conn.begin(BeginOptions::default()).await.unwrap();
    write(&mut *conn, INSERT, vec![]).await.unwrap();
    proxy.set(CUT);
    let error = write(&mut *conn, INSERT, vec![]).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(
        conn.commit().await.unwrap_err().outcome(),
        Outcome::NotApplied
    );
    assert_eq!(count(&mut *direct, "t").await, 1);
    db.end().await;
}

#[tokio::test]
async fn a_lost_reply_to_commit_is_unknown() {
    let Some((db, proxy, mut direct, mut conn)) = behind_proxy("lost_commit").await else {
        return;
    };
    conn.begin(BeginOptions::default()).await.unwrap();
    write(&mut *conn, INSERT, vec![]).await.unwrap();
    proxy.set(CUT);
    let error = conn.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(count(&mut *direct, "t").await, 2);
    assert_eq!(conn.recover().await, Recovery::Discard);
    db.end().await;
}

#[tokio::test]
async fn a_hanging_server_does_not_hold_up_recovery_for_long() {
    let Some((db, proxy, _direct, mut conn)) = behind_proxy("hang").await else {
        return;
    };
    conn.begin(BeginOptions::default()).await.unwrap();
    proxy.set(SWALLOW);
    let ping = timeout(Duration::from_millis(50), conn.ping());
    assert!(ping.await.is_err());
    let started = Instant::now();
    assert_eq!(conn.recover().await, Recovery::Discard);
    assert!(started.elapsed() < Duration::from_secs(7));
    timeout(Duration::from_secs(3), conn.close()).await.unwrap();
    db.end().await;
}
