//! The fault suite with Mainstay alone. Run by `cargo xtask faults` and `cargo xtask soak`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mainstay_faults::main(&[])
}
