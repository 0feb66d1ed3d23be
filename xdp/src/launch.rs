//! The server as a child: what it is started with, and that the library is in it.

use crate::options::Options;
use crate::server::{self, Environment};
use crate::signals::{Signals, send};
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// What PROGRAM is started with.
pub(crate) fn server_environment(options: &Options, file: &Path) -> Environment {
    let mut all: Environment = std::env::vars_os().collect();
    let mut default = |name: &str, value: OsString| {
        all.entry(name.into()).or_insert(value);
    };
    default(server::SECRET_FILE, file.into());
    default(server::LIFETIME, options.lifetime.seconds().to_string().into());
    default(server::COOKIES, "builtin".into());
    default(server::STATS, private_directory().join("server-%p.prom").into());
    let mut preload = options.library.clone();
    if let Some(before) = all.get(std::ffi::OsStr::new("LD_PRELOAD")) {
        preload.push(":");
        preload.push(before);
    }
    all.insert("LD_PRELOAD".into(), preload);
    all
}

fn private_directory() -> PathBuf {
    PathBuf::from(format!("/run/dtlsv1-listen-xdp-{}", std::process::id()))
}

/// Starts the server, and sees that the library is in it.
pub(crate) fn start(options: &Options, environment: &Environment) -> Result<Child, String> {
    let (program, arguments) = options.program.split_first().ok_or("no program")?;
    let directory = private_directory();
    let ours = environment
        .get(std::ffi::OsStr::new(server::STATS))
        .is_some_and(|path| Path::new(path).starts_with(&directory));
    if ours {
        fs::create_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    }
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment)
        .spawn()
        .map_err(|e| format!("{}: {e}", program.to_string_lossy()))?;
    for _ in 0..300 {
        if server::has_library(child.id()) {
            return Ok(child);
        }
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Err(format!("{} ended at once", program.to_string_lossy()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    send(&child, libc::SIGTERM);
    let _ = child.wait();
    Err(format!(
        "{} does not have {} in it: is that its path, and is the program dynamic and not setuid?",
        program.to_string_lossy(),
        options.library.to_string_lossy()
    ))
}

pub(crate) fn wait_for(signals: &Signals, child: &mut Child) -> Result<i32, String> {
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                let _ = fs::remove_dir_all(private_directory());
                let killed = status.signal().and_then(|signal| signal.checked_add(128));
                return Ok(status.code().or(killed).unwrap_or(1));
            }
            Err(error) => return Err(error.to_string()),
        }
        match signals.wait(Duration::from_secs(60)) {
            Some(libc::SIGCHLD) | None => {}
            Some(signal) => send(child, signal),
        }
    }
}
