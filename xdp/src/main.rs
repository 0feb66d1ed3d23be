//! The command: see `dtlsv1-listen-xdp(8)`.

use dtlsv1_listen_xdp::options::{Command, USAGE};
use dtlsv1_listen_xdp::{check, run};
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match Command::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(options)) => run::run(&options),
        Ok(Command::Check) => check::check().map(|lines| print(&(lines.join("\n") + "\n"))),
        Ok(Command::Help) => Ok(print(USAGE)),
        Ok(Command::Version) => Ok(print(concat!(env!("CARGO_PKG_VERSION"), "\n"))),
        Err(why) => {
            run::say(format_args!("{why} (--help says more)"));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(why) => {
            run::say(format_args!("{why}"));
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> i32 {
    i32::from(std::io::stdout().write_all(text.as_bytes()).is_err())
}
