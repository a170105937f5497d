//! Programs made for the test: small shell scripts.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mainstay::ErrorKind;
use mainstay::config::Secret;

use super::*;
use crate::control::Control;

const PROGRAM: Program = Program {
    names: &["dumper", "old-dumper"],
    marks: &["(Engine) "],
    package: "engine-client",
    elsewhere: "elsewhere the package engine",
};

fn script(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn versioned_script(folder: &Path, name: &str, version: &str) {
    script(folder, name, &format!("echo '{name} (Engine) {version}'"));
}

fn places(folders: &[&Path]) -> Places {
    Places::of(None, folders.iter().map(|folder| folder.to_path_buf()))
}

fn launch(folder: &Path, text: &str) -> Launch {
    script(folder, "dumper", text);
    let found = Found {
        path: folder.join("dumper"),
        name: "dumper",
        version: Version::new(1, 0, 0),
    };
    Launch::new(&found, |said| {
        said.contains("password")
            .then_some(ErrorKind::CredentialsRefused)
    })
}

fn gone(id: u32) -> bool {
    !Path::new(&format!("/proc/{id}")).exists()
}

#[test]
fn the_newest_that_fits_is_found_and_else_is_said_what_to_install() {
    let base = tempfile::tempdir().unwrap();
    let [old, new, newest] = ["old", "new", "newest"].map(|name| base.path().join(name));
    versioned_script(&old, "dumper", "14.2");
    versioned_script(&new, "old-dumper", "15.4 (Distribution 9)");
    versioned_script(&newest, "dumper", "17.0");
    fs::write(base.path().join("dumper"), "not a program").unwrap();
    let places = places(&[base.path(), &old, &new, &newest]);

    let found = places.find(&PROGRAM, "any", |_| true).unwrap();
    assert_eq!(found.path, newest.join("dumper"));
    let found = places
        .find(&PROGRAM, "15", |version| version.major == 15)
        .unwrap();
    assert_eq!(
        (found.name, found.version),
        ("old-dumper", Version::new(15, 4, 0))
    );
    assert_eq!(found.tool().version, "15.4");

    let error = places
        .find(&PROGRAM, "18 or newer", |version| version.major >= 18)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.detail().contains("18 or newer"), "{error:?}");
    assert!(error.detail().contains("is 14.2"), "{error:?}");
    assert!(
        error
            .hint()
            .unwrap()
            .contains("apt-get install engine-client")
    );

    let none = Places::of(Some(std::ffi::OsString::new()), []);
    let error = none.find(&PROGRAM, "any", |_| true).unwrap_err();
    assert!(error.detail().contains("is not installed"), "{error:?}");
}

#[test]
fn output_is_read_and_the_end_is_judged() {
    let base = tempfile::tempdir().unwrap();
    let control = Control::new();
    let mut out = String::new();
    let launch_well = launch(base.path(), "echo content; echo remark >&2; echo $LC_ALL");
    let mut running = launch_well.start(Pipe::Output, &control).unwrap();
    running.read_to_string(&mut out).unwrap();
    assert_eq!(out, "content\nC\n");
    assert_eq!(running.finish().unwrap(), "remark");

    let secret = Secret::new("hunter2");
    let fails = launch(
        base.path(),
        "echo content; echo \"wrong password: $SECRET\" >&2; exit 3",
    );
    let mut running = fails
        .secret_env("SECRET", &secret)
        .start(Pipe::Output, &control)
        .unwrap();
    let id = running.id().unwrap();
    out.clear();
    running.read_to_string(&mut out).unwrap();
    assert_eq!(out, "content\n");
    let error = running.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsRefused);
    assert!(error.detail().contains("exit code 3"), "{error:?}");
    assert!(error.detail().contains("[redacted]"), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    assert!(gone(id));
}

#[test]
fn what_the_program_says_explains_a_broken_pipe() {
    let base = tempfile::tempdir().unwrap();
    let reader = launch(
        base.path(),
        "read line; echo \"cannot read $line\" >&2; exit 1",
    );
    let mut running = reader.start(Pipe::Input, &Control::new()).unwrap();
    let block = vec![b'\n'; 1 << 20];
    let broken = std::iter::repeat_with(|| running.write_all(&block))
        .find_map(Result::err)
        .unwrap();
    let error = running.fail(mainstay::Error::unexpected(broken));
    assert!(error.detail().contains("cannot read"), "{error:?}");
}

#[test]
fn input_arrives_and_unread_output_does_not_block_the_end() {
    let base = tempfile::tempdir().unwrap();
    let copy = base.path().join("copy");
    let reader = launch(base.path(), "cat > \"$COPY\"").env("COPY", &copy);
    let mut running = reader.start(Pipe::Input, &Control::new()).unwrap();
    running.write_all(b"as it is").unwrap();
    running.finish().unwrap();
    assert_eq!(fs::read(copy).unwrap(), b"as it is");

    let talker = launch(base.path(), "head -c 1000000 /dev/zero");
    let running = talker.start(Pipe::Output, &Control::new()).unwrap();
    running.finish().unwrap();
}

#[test]
fn cancelling_ends_a_blocked_read_and_all_processes() {
    let base = tempfile::tempdir().unwrap();
    let control = Control::new();
    let sleeper = launch(base.path(), "sleep 600 & echo $!; wait");
    let mut running = sleeper.start(Pipe::Output, &control).unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        running.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let child: u32 = String::from_utf8(line).unwrap().trim().parse().unwrap();
    let id = running.id().unwrap();
    let canceller = std::thread::spawn({
        let control = control.clone();
        move || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            control.cancel();
        }
    });
    let mut rest = Vec::new();
    running.read_to_end(&mut rest).unwrap();
    let error = running.finish().unwrap_err();
    canceller.join().unwrap();
    assert!(error.detail().contains("stopped"), "{error:?}");
    assert!(gone(id));
    assert!(has_ended(child));
    assert!(
        launch(base.path(), "exit 0")
            .start(Pipe::Neither, &control)
            .is_err()
    );
}

#[test]
fn dropping_ends_it() {
    let base = tempfile::tempdir().unwrap();
    let sleeper = launch(base.path(), "exec sleep 600");
    let running = sleeper.start(Pipe::Neither, &Control::new()).unwrap();
    let id = running.id().unwrap();
    assert!(!running.has_ended());
    drop(running);
    assert!(gone(id));
}

#[test]
fn a_polite_request_lets_it_end_by_itself() {
    let base = tempfile::tempdir().unwrap();
    let polite = launch(
        base.path(),
        "trap 'echo bye >&2; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
    );
    let mut running = polite.start(Pipe::Output, &Control::new()).unwrap();
    running.read_exact(&mut [0; 6]).unwrap();
    running.terminate();
    assert!(running.finish().unwrap().contains("bye"));
}

/// A child of a child is reaped by whoever adopts it, which may take a moment or not happen.
fn has_ended(id: u32) -> bool {
    (0..100).any(|_| {
        let state = fs::read_to_string(format!("/proc/{id}/stat"));
        let ended = state.map_or(true, |text| text.contains(") Z"));
        if !ended {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        ended
    })
}
