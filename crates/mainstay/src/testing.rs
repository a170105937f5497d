//! What this crate's own tests share.

/// Where a test server is, as `cargo xtask test` tells it in the environment. `None` means that
/// the test is to be left: a line says so. In CI a missing server is a failure instead.
pub(crate) fn server_variable(name: &str) -> Option<String> {
    match std::env::var(name) {
        Ok(value) => Some(value),
        Err(_) if in_ci() && std::env::var_os("MAINSTAY_TEST_ENGINES").is_none() => {
            panic!("{name} is not set; run the tests with: cargo xtask test")
        }
        Err(_) => {
            eprintln!("skipped: {name} is not set; cargo xtask test starts a server");
            None
        }
    }
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}
