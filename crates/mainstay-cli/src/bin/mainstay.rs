//! The binary `mainstay`: migrations and schemas from a folder of SQL files, for any database,
//! without an application's code.

use std::process::ExitCode;

fn main() -> ExitCode {
    mainstay_cli::tool::main()
}
