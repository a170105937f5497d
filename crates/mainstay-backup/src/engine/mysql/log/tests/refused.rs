//! Servers whose log does not do.

use std::time::Duration;

use mainstay::ErrorKind;
use tokio::sync::watch;

use super::super::super::tests::{Ground, blocking, engine, lines};
use super::{INTERVAL, base, log, logging};
use crate::archive::Manifest;
use crate::control::Control;
use crate::target::Target;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_does_not_do_is_refused_with_what_to_set() {
    let Some(server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT)");
    let follower = ground.engine();
    let target = Target::memory();
    let log = log(&target);
    let (base, _) = base(&follower).await;
    let follow = async |base: &Manifest| {
        let (tell, _told) = watch::channel(None);
        let limit = Duration::from_secs(20);
        let control = Control::new();
        let following = follower.follow(base, &log, INTERVAL, &control, &tell, &|_| ());
        tokio::time::timeout(limit, following)
            .await
            .expect("it ends")
            .expect_err("refused")
    };
    ground.sql("SET GLOBAL binlog_format = MIXED");
    let error = follow(&base).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(
        error.hint().is_some_and(|hint| hint.contains("ROW")),
        "{error}"
    );
    ground.sql("SET GLOBAL binlog_format = ROW");

    let mut without = base.clone();
    without.position = None;
    assert_eq!(follow(&without).await.kind(), ErrorKind::BackupRefused);

    // The place is purged before anything of it was shipped.
    ground.sql("FLUSH BINARY LOGS");
    ground.sql("FLUSH BINARY LOGS");
    let last = lines(&ground.sql("SHOW BINARY LOGS"))
        .pop()
        .expect("a file");
    let last = last.split_whitespace().next().expect("a name").to_owned();
    ground.sql(&format!("PURGE BINARY LOGS TO '{last}'"));
    let error = follow(&base).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("new backup")),
        "{error}"
    );

    // A user without the rights is told which.
    let (user, name) = ("reader", &ground.name);
    ground.sql(&format!(
        "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'secret'; \
         GRANT ALL ON `{name}`.* TO {user}@'127.0.0.1'"
    ));
    let mut config = ground.config();
    let url = format!(
        "mysql://{user}:secret@127.0.0.1:{}/{name}",
        ground.url.port()
    );
    config.url = mainstay::config::DatabaseUrl::parse(&url).expect("a URL");
    let weak = engine(&config);
    let (tell, _told) = watch::channel(None);
    let control = Control::new();
    let error = weak
        .follow(&base, &log, INTERVAL, &control, &tell, &|_| ())
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("REPLICATION SLAVE")),
        "{error}"
    );

    // The shared server of the tests writes no log.
    let plain = Ground::new().expect("a server");
    let (tell, _told) = watch::channel(None);
    let error = plain
        .engine()
        .follow(&base, &log, INTERVAL, &control, &tell, &|_| ())
        .await;
    let error = error.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("log_bin")),
        "{error}"
    );
}
