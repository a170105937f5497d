//! The binary: questlog's operations as commands, `serve` unless another is named.

use std::process::ExitCode;

use questlog::Questlog;

fn main() -> ExitCode {
    mainstay_cli::main(Questlog)
}
