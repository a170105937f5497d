//! Stores that speak S3: the suite, and what goes wrong.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use mainstay::{ErrorKind, RetryClass};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

use super::*;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A store with one bucket, `vault`, on a port of its own until the test ends.
struct Store {
    folder: tempfile::TempDir,
    endpoint: String,
}

impl Store {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("vault")).unwrap();
        let files = s3s_fs::FileSystem::new(folder.path()).unwrap();
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder, endpoint }
    }

    fn target(&self, url: &str) -> Target {
        target(url, &self.endpoint, KEY, SECRET)
    }

    /// Parts of uploads that are not complete.
    fn parts(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("upload_id")).count()
    }
}

fn target(url: &str, endpoint: &str, key: &str, secret: &str) -> Target {
    let settings = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", "eu-central-1"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Target::parse(url, &settings.into_iter().map(own).collect()).unwrap()
}

fn told(error: &mainstay::Error, words: &str) {
    assert_eq!(error.kind(), ErrorKind::BackupTarget, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.to_string().contains("s3://"), "{error}");
    assert!(!error.to_string().contains(SECRET), "{error}");
    assert!(error.hint().is_some(), "{error}");
}

#[tokio::test]
async fn a_store_keeps_the_promises() {
    let store = Store::start().await;
    suite::run(&store.target("s3://vault")).await;
}

#[tokio::test]
async fn a_prefix_keeps_the_promises_and_sees_nothing_else() {
    let store = Store::start().await;
    write(&store.target("s3://vault"), "outside", b"x")
        .await
        .unwrap();
    let inside = store.target("s3://vault/some/prefix");
    assert_eq!(names(&inside, "").await, Vec::<String>::new());
    suite::run(&inside).await;
    let listed = names(&store.target("s3://vault/some"), "prefix/read").await;
    assert_eq!(listed, Vec::<String>::new());
    assert_eq!(names(&store.target("s3://vault"), "").await, ["outside"]);
}

#[tokio::test]
async fn an_upload_that_is_given_up_or_dropped_leaves_no_parts() {
    let store = Store::start().await;
    let target = store.target("s3://vault");
    for is_dropped in [false, true] {
        let mut upload = target.create("a.backup", None).await.unwrap();
        upload.write(vec![7; 20 << 20].into()).await.unwrap();
        assert!(store.parts() > 0);
        match is_dropped {
            true => drop(upload),
            false => upload.abort().await,
        }
        for _ in 0..100 {
            if store.parts() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(store.parts(), 0);
        assert_eq!(names(&target, "").await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn many_objects_are_listed_over_several_pages() {
    let store = Store::start().await;
    let folder = store.folder.path().join("vault/main/base.log");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..2500 {
        std::fs::write(folder.join(format!("{number:05}")), "").unwrap();
    }
    let target = store.target("s3://vault/main");
    assert_eq!(target.walk("base.log", None).await.unwrap().len(), 2500);
    let after = target
        .walk("base.log", Some("base.log/01999"))
        .await
        .unwrap();
    assert_eq!(after.len(), 500);
    assert_eq!(after[0].name, "base.log/02000");
}

#[tokio::test]
async fn refusals_of_a_store_are_told_apart() {
    let store = Store::start().await;
    let none = store.target("s3://nowhere");
    told(&none.list("").await.unwrap_err(), "bucket does not exist");
    let error = none.walk("", None).await.unwrap_err();
    told(&error, "bucket does not exist");
    let stranger = target("s3://vault", &store.endpoint, "AKIAOTHER", SECRET);
    told(&stranger.list("").await.unwrap_err(), "refused the keys");
    let wrong = target("s3://vault", &store.endpoint, KEY, "another secret");
    told(&wrong.list("").await.unwrap_err(), "refused the keys");
    told(
        &write(&wrong, "a", b"x").await.unwrap_err(),
        "refused the keys",
    );
    let mut large = wrong.create("large", None).await.unwrap();
    told(
        &large.write(vec![0; 9 << 20].into()).await.unwrap_err(),
        "refused the keys",
    );
}

#[tokio::test]
async fn a_store_that_is_not_there_is_told_after_a_few_tries() {
    // A port that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let away = target("s3://vault", &endpoint, KEY, SECRET);
    let began = tokio::time::Instant::now();
    let error = away.list("").await.unwrap_err();
    told(&error, "cannot be reached");
    assert_eq!(error.retry(), RetryClass::Safe);
    assert!(began.elapsed() < Duration::from_secs(60));
}
