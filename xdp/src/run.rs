//! From the checks to the end: everything between is one look a second.

use crate::counters;
use crate::device::{Device, own_addresses};
use crate::launch::{server_environment, start, wait_for};
use crate::library::{FileKeys, ring};
use crate::options::{Mode, Options};
use crate::program::{Place, Program, Settings};
use crate::server;
use crate::shared::{Counts, Endpoint};
use crate::signals::{Signals, now, send, until_next_second};
use crate::watch::Watch;
use std::fmt;
use std::io::Write as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Child;

/// One line on stderr.
pub fn say(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "dtlsv1-listen-xdp: {text}");
}

/// Answers until a signal or the server's end; the status to exit with, or why it does not begin
/// or go on.
pub fn run(options: &Options) -> Result<i32, String> {
    if let Some(missing) = crate::rights::missing() {
        return Err(missing);
    }
    let device = Device::find(&options.device)?;
    let _alone = be_alone(&device)?;
    let file = options.secret_file.canonicalize().map_err(|e| {
        format!("{}: {e}: the server's secret file has to be there", options.secret_file.display())
    })?;
    let seconds = now().wall.checked_div(1_000_000_000).unwrap_or(0);
    let keys = FileKeys::new(file.as_os_str().as_bytes(), options.lifetime, seconds)
        .map_err(|_| "no secrets, no cookies (see above)")?;
    let environment = server_environment(options, &file);
    let watched = if options.program.is_empty() {
        agrees_already(options, &file)?
    } else if let Some(why) = server::contradiction(&environment, &file, options.lifetime) {
        return Err(why);
    } else {
        environment.get(std::ffi::OsStr::new(server::STATS)).map(PathBuf::from)
    };

    // It has no keys yet: everything passes.
    let (program, place) = attach(options, &device)?;
    let child = if options.program.is_empty() { None } else { Some(start(options, &environment)?) };
    // Not before: a child is born with what is held back.
    let signals = Signals::hold_back();
    let mut loader = Loader {
        options,
        device,
        place,
        program: Some(program),
        last: Counts::default(),
        keys,
        child,
        watched,
        watch: Watch::default(),
        blind: 0,
        told: false,
    };
    let outcome = loader.answer(&signals);
    drop(loader.program.take());
    loader.write_stats();
    if let Some(mut child) = loader.child.take() {
        // What went wrong here is no reason to end the server.
        if let Err(why) = &outcome {
            say(format_args!("{why}; the server goes on alone"));
        }
        return wait_for(&signals, &mut child);
    }
    outcome
}

/// One program a device: two would each pass what the other one has to answer.
fn be_alone(device: &Device) -> Result<UnixListener, String> {
    let name = format!("dtlsv1-listen-xdp/{}", device.index);
    let address = UnixAddr::from_abstract_name(name).map_err(|e| e.to_string())?;
    UnixListener::bind_addr(&address).map_err(|_| {
        format!(
            "another dtlsv1-listen-xdp answers on {}: end it first, or give it this --listen, too",
            device.name
        )
    })
}

/// A server that runs already has to be seen to agree, or to count where it can be watched.
fn agrees_already(options: &Options, file: &Path) -> Result<Option<PathBuf>, String> {
    let stats = options.server_stats.clone();
    if let Some(path) = stats.as_ref().filter(|path| server::counters(path).is_none()) {
        return Err(format!(
            "--server-stats: no counters in {}: the server writes them with {}",
            path.display(),
            server::STATS
        ));
    }
    let mut found = None;
    for &address in &options.listen {
        let servers = server::listening_at(address);
        let secret = |s: &server::Running| {
            s.environment.contains_key(std::ffi::OsStr::new(server::SECRET_FILE))
        };
        if stats.is_none() && !servers.iter().any(|s| s.has_library && secret(s)) {
            return Err(format!(
                "no server at {address} is seen to use {}: start it with '-- PROGRAM', or name its \
                 counters with --server-stats, so that it can be seen to agree",
                file.display()
            ));
        }
        for running in servers {
            // What has neither variable nor library is another's, or is told by its program.
            if !secret(&running) && stats.is_some() {
                continue;
            }
            let pid = running.pid;
            if let Some(why) = server::contradiction(&running.environment, file, options.lifetime) {
                return Err(format!("process {pid} at {address}: {why}"));
            }
            found = running.environment.get(std::ffi::OsStr::new(server::STATS)).map(PathBuf::from);
        }
    }
    if stats.is_none() && found.is_none() {
        say(format_args!(
            "the server writes no counters ({}): nobody sees whether it goes on agreeing",
            server::STATS
        ));
    }
    Ok(stats.or(found))
}

/// Loads the program and attaches it, in the first place that takes it.
fn attach(options: &Options, device: &Device) -> Result<(Program, Place), String> {
    let settings = Settings {
        strangers: options.strangers,
        not_dtls_passes: options.not_dtls_passes,
        answers_per_second: options.answers_per_second,
        loopback: device.loopback,
    };
    let places: &[Place] = match options.mode {
        Mode::Auto => &[Place::Native, Place::Tc],
        Mode::Native => &[Place::Native],
        Mode::Tc => &[Place::Tc],
        Mode::Generic => &[Place::Generic],
    };
    let mut reasons = Vec::new();
    for &place in places {
        match attach_at(place, &settings, options, device) {
            Ok(program) => {
                for why in reasons {
                    say(format_args!("{why}; going on with --mode tc"));
                }
                return Ok((program, place));
            }
            Err(why) => reasons.push(why),
        }
    }
    Err(reasons.join("; "))
}

fn attach_at(
    place: Place,
    settings: &Settings,
    options: &Options,
    device: &Device,
) -> Result<Program, String> {
    if let Some(why) = device.objection(place, options.mode != Mode::Auto) {
        return Err(why);
    }
    let mut program = Program::load(place, settings)
        .map_err(|e| format!("this kernel refuses the program: {e}"))?;
    let endpoints: Vec<_> = options.listen.iter().map(|&a| Endpoint::from(a)).collect();
    let prepare = |program: &mut Program| {
        program.listen(&endpoints)?;
        program.never_answer(&own_addresses())?;
        program.set_mac(device.mac().unwrap_or_default())
    };
    prepare(&mut program).map_err(|e| e.to_string())?;
    let name = &device.name;
    program.attach(name).map_err(|e| match e.errno() {
        Some(libc::EBUSY | libc::EEXIST) => format!(
            "{name} has another XDP program, and there is room for one: end it, or --mode tc"
        ),
        Some(libc::EOPNOTSUPP | libc::EINVAL) if place == Place::Native => {
            format!("the driver of {name} does not take XDP as it is set up ({e})")
        }
        _ => format!("{name}: {e}"),
    })?;
    Ok(program)
}

/// Everything that runs.
struct Loader<'a> {
    options: &'a Options,
    device: Device,
    place: Place,
    /// None once it is detached.
    program: Option<Program>,
    last: Counts,
    keys: FileKeys,
    child: Option<Child>,
    /// Where the server counts.
    watched: Option<PathBuf>,
    watch: Watch,
    /// Seconds in which the server should have counted and did not.
    blind: u32,
    told: bool,
}

impl Loader<'_> {
    fn answer(&mut self, signals: &Signals) -> Result<i32, String> {
        let place = self.mode();
        for second in 0_u64.. {
            self.tick()?;
            if second == 0 {
                let all: Vec<_> = self.options.listen.iter().map(ToString::to_string).collect();
                let name = &self.device.name;
                say(format_args!("answering on {name} ({place}) for {}", all.join(", ")));
            }
            loop {
                let signal = signals.wait(until_next_second(now()));
                // The caller waits for it, and knows its status.
                if self.child.as_mut().is_some_and(|c| !matches!(c.try_wait(), Ok(None))) {
                    return Ok(0);
                }
                match signal {
                    None => break,
                    Some(libc::SIGCHLD) => {}
                    Some(signal) => match &self.child {
                        Some(child) => send(child, signal),
                        None => return Ok(0),
                    },
                }
            }
        }
        Ok(0)
    }

    fn mode(&self) -> &'static str {
        match self.place {
            Place::Native => "native",
            Place::Generic => "generic",
            Place::Tc => "tc",
        }
    }

    /// New keys, addresses and counters.
    fn tick(&mut self) -> Result<(), String> {
        let Some(program) = &mut self.program else { return Ok(()) };
        let name = &self.device.name;
        let mac = self.device.mac().ok_or(format!("{name} is gone"))?;
        let mut ring = ring(&self.keys, self.options.lifetime, now())
            .ok_or("no keys can be made of the secret file")?;
        let publish = |program: &mut Program| {
            program.set_mac(mac)?;
            program.never_answer(&own_addresses())?;
            program.publish(&ring)?;
            program.counts()
        };
        let counts = publish(program).map_err(|e| e.to_string());
        ring.wipe();
        self.last = counts?;
        self.write_stats();
        let Some(path) = &self.watched else { return Ok(()) };
        match server::counters(path) {
            Some(told) if self.watch.disagrees(told, self.last.right) => Err(format!(
                "the server refuses the cookies that were made here, and accepts nobody: other \
                 secrets, lifetime or clock, or a program that has cookies of its own ({})",
                path.display()
            )),
            Some(_) => Ok(()),
            None => {
                self.blind = self.blind.saturating_add(u32::from(self.last.right > 0));
                if self.blind >= 10 && !std::mem::replace(&mut self.told, true) {
                    say(format_args!(
                        "the server writes no counters to {}: nobody sees whether it agrees",
                        path.display()
                    ));
                }
                Ok(())
            }
        }
    }

    fn write_stats(&mut self) {
        let Some(path) = &self.options.stats else { return };
        let detached = self.program.is_none();
        let text = counters::text(&self.last, &self.device.name, self.mode(), detached);
        let failed = counters::write(path, &text).err();
        if let Some(error) = failed.filter(|_| !std::mem::replace(&mut self.told, true)) {
            say(format_args!("no counters in {}: {error}", path.display()));
        }
    }
}
