//! The proxy in front of an echo server that counts what it received.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::{Ending, Fault, FaultProxy, Mode};

const SHORT: Duration = Duration::from_millis(150);

/// A proxy before an echo server, and the number of bytes that server has received.
async fn start() -> (FaultProxy, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    counter.fetch_add(count, Ordering::SeqCst);
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (FaultProxy::start(address).await.unwrap(), received)
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// Sends a word and reads it back.
async fn echo(stream: &mut TcpStream, word: &str) -> std::io::Result<String> {
    stream.write_all(word.as_bytes()).await?;
    let mut buffer = vec![0; word.len()];
    stream.read_exact(&mut buffer).await?;
    Ok(String::from_utf8(buffer).unwrap())
}

async fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..500 {
        if check() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("did not happen within five seconds: {what}");
}

#[tokio::test]
async fn forwards_and_counts_connections() {
    let (proxy, _) = start().await;
    let (mut one, mut two) = (connect(&proxy).await, connect(&proxy).await);
    assert_eq!(echo(&mut one, "first").await.unwrap(), "first");
    assert_eq!(echo(&mut two, "second").await.unwrap(), "second");
    assert_eq!(proxy.connections(), 2);
    drop((one, two));
    eventually("both are gone", || proxy.connections() == 0).await;
}

#[tokio::test]
async fn passes_on_the_end_of_one_direction() {
    let (proxy, _) = start().await;
    let mut stream = connect(&proxy).await;
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    assert_eq!(reply, b"last words");
}

#[tokio::test]
async fn latency_delays_both_directions() {
    let (proxy, _) = start().await;
    let mut stream = connect(&proxy).await;
    proxy
        .set_mode(Mode::Latency(Duration::from_millis(80)))
        .await;
    let started = Instant::now();
    assert_eq!(echo(&mut stream, "slow").await.unwrap(), "slow");
    assert!(
        started.elapsed() >= Duration::from_millis(160),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn hanging_withholds_what_then_passes() {
    let (proxy, received) = start().await;
    let mut old = connect(&proxy).await;
    assert_eq!(echo(&mut old, "a").await.unwrap(), "a");
    proxy.set_mode(Mode::Hang).await;
    let mut new = connect(&proxy).await;
    assert!(timeout(SHORT, echo(&mut old, "old")).await.is_err());
    assert!(timeout(SHORT, echo(&mut new, "new")).await.is_err());
    assert_eq!(received.load(Ordering::SeqCst), 1);
    proxy.set_mode(Mode::Forward).await;
    let mut buffer = [0; 3];
    old.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"old");
    new.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"new");
}

#[tokio::test]
async fn swallowed_replies_leave_the_connection_open() {
    let (proxy, received) = start().await;
    let mut stream = connect(&proxy).await;
    proxy.set_mode(Mode::SwallowReplies).await;
    assert!(timeout(SHORT, echo(&mut stream, "lost")).await.is_err());
    assert_eq!(received.load(Ordering::SeqCst), 4, "the request arrived");
    proxy.set_mode(Mode::Forward).await;
    assert_eq!(echo(&mut stream, "seen").await.unwrap(), "seen");
}

#[tokio::test]
async fn an_ignored_client_dials_until_it_gives_up() {
    let (proxy, _) = start().await;
    let mut old = connect(&proxy).await;
    assert_eq!(echo(&mut old, "one").await.unwrap(), "one");
    proxy.set_mode(Mode::Ignore).await;
    for _ in 0..3 {
        let dialled = timeout(SHORT, TcpStream::connect(proxy.address())).await;
        assert!(dialled.is_err(), "{dialled:?}");
    }
    assert_eq!(echo(&mut old, "old").await.unwrap(), "old");
    proxy.set_mode(Mode::Refuse).await;
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set_mode(Mode::Ignore).await;
    proxy.set_mode(Mode::Forward).await;
    assert_eq!(
        echo(&mut connect(&proxy).await, "new").await.unwrap(),
        "new"
    );
}

#[tokio::test]
async fn refusing_turns_away_only_new_connections() {
    let (proxy, _) = start().await;
    let mut old = connect(&proxy).await;
    assert_eq!(echo(&mut old, "a").await.unwrap(), "a");
    proxy.set_mode(Mode::Refuse).await;
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(echo(&mut old, "b").await.unwrap(), "b");
    proxy.set_mode(Mode::Forward).await;
    assert_eq!(echo(&mut connect(&proxy).await, "c").await.unwrap(), "c");
}

#[tokio::test]
async fn cutting_closes_or_resets_all_connections_and_no_later_one() {
    let (proxy, _) = start().await;
    for ending in [Ending::Close, Ending::Reset] {
        let mut stream = connect(&proxy).await;
        assert_eq!(echo(&mut stream, "a").await.unwrap(), "a");
        proxy.cut(ending);
        let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 8]))
            .await
            .unwrap();
        match ending {
            Ending::Close => assert_eq!(read.unwrap(), 0),
            Ending::Reset => assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset),
        }
        assert_eq!(echo(&mut connect(&proxy).await, "b").await.unwrap(), "b");
    }
}

#[tokio::test]
async fn a_cut_reaches_a_connection_that_hangs() {
    let (proxy, _) = start().await;
    let mut stream = connect(&proxy).await;
    assert_eq!(echo(&mut stream, "a").await.unwrap(), "a");
    proxy.set_mode(Mode::Hang).await;
    stream.write_all(b"stuck").await.unwrap();
    proxy.cut(Ending::Reset);
    let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 8]))
        .await
        .unwrap();
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_lost_request_never_reaches_the_server() {
    let (proxy, received) = start().await;
    proxy.inject(Fault::LoseRequest(Ending::Close));
    let mut stream = connect(&proxy).await;
    let error = echo(&mut stream, "lost").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!((received.load(Ordering::SeqCst), proxy.struck()), (0, 1));
    assert_eq!(
        echo(&mut connect(&proxy).await, "next").await.unwrap(),
        "next"
    );
}

#[tokio::test]
async fn a_lost_reply_belongs_to_the_request_that_was_named() {
    let (proxy, received) = start().await;
    let mut stream = connect(&proxy).await;
    proxy.inject_on(b"COMMIT", Fault::LoseReply(Ending::Reset));
    assert_eq!(echo(&mut stream, "INSERT").await.unwrap(), "INSERT");
    assert_eq!(proxy.struck(), 0);
    let error = echo(&mut stream, "COMMIT;").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    timeout(Duration::from_secs(5), proxy.wait_struck(1))
        .await
        .unwrap();
    assert_eq!(
        received.load(Ordering::SeqCst),
        "INSERTCOMMIT;".len(),
        "the request arrived"
    );
    // It struck once.
    assert_eq!(
        echo(&mut connect(&proxy).await, "COMMIT;").await.unwrap(),
        "COMMIT;"
    );
    assert!(!proxy.disarm());
}

#[tokio::test]
async fn a_fault_can_be_taken_back() {
    let (proxy, _) = start().await;
    proxy.inject(Fault::LoseRequest(Ending::Reset));
    assert!(proxy.disarm());
    assert_eq!(
        echo(&mut connect(&proxy).await, "safe").await.unwrap(),
        "safe"
    );
}

#[tokio::test]
async fn an_unreachable_target_hangs_up_on_the_client() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = FaultProxy::start(closed).await.unwrap();
    let mut stream = connect(&proxy).await;
    let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 8]))
        .await
        .unwrap();
    assert_eq!(read.unwrap(), 0);
}

#[tokio::test]
async fn dropping_the_proxy_closes_everything() {
    let (proxy, _) = start().await;
    let mut stream = connect(&proxy).await;
    assert_eq!(echo(&mut stream, "a").await.unwrap(), "a");
    let address = proxy.address();
    drop(proxy);
    let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 8]))
        .await
        .unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn forsaken_connections_stay_open_and_pass_nothing_while_new_ones_work() {
    let (proxy, received) = start().await;
    let mut old = connect(&proxy).await;
    echo(&mut old, "before").await.unwrap();
    proxy.forsake();
    // Writing still works, as it does into the void.
    old.write_all(b"lost").await.unwrap();
    let mut byte = [0; 1];
    assert!(timeout(SHORT, old.read(&mut byte)).await.is_err());
    let mut new = connect(&proxy).await;
    echo(&mut new, "after").await.unwrap();
    assert_eq!(received.load(Ordering::SeqCst), "beforeafter".len());
}

/// The server does not learn that the client has closed, until its keepalive looks or all is cut.
#[tokio::test]
async fn the_servers_side_of_a_forsaken_connection_outlives_the_clients() {
    for cut in [false, true] {
        let (proxy, _) = start().await;
        let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
        echo(&mut one, "one").await.unwrap();
        echo(&mut other, "other").await.unwrap();
        proxy.forsake();
        let mut new = connect(&proxy).await;
        echo(&mut new, "new").await.unwrap();
        drop(one);
        sleep(SHORT).await;
        assert_eq!(proxy.connections(), 3);
        if cut {
            proxy.cut(Ending::Close);
            eventually("all are gone", || proxy.connections() == 0).await;
            continue;
        }
        proxy.probe_forsaken();
        eventually("what was closed is gone", || proxy.connections() == 2).await;
        let mut byte = [0; 1];
        assert!(timeout(SHORT, other.read(&mut byte)).await.is_err());
        drop(other);
        eventually("so is the other", || proxy.connections() == 1).await;
        echo(&mut new, "still new").await.unwrap();
    }
}

/// Nor does the client learn that the server has.
#[tokio::test]
async fn the_clients_side_of_a_forsaken_connection_outlives_the_servers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap())
        .await
        .unwrap();
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"a").await.unwrap();
    server.read_exact(&mut [0; 1]).await.unwrap();
    proxy.forsake();
    drop(server);
    let mut byte = [0; 1];
    assert!(timeout(SHORT, client.read(&mut byte)).await.is_err());
    assert_eq!(proxy.connections(), 1);
    drop(client);
    eventually("both are closed", || proxy.connections() == 0).await;
}
