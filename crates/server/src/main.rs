//! The program `kopru`. All of it is in the library of this crate, where fuzzers reach it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    kopru::main()
}
