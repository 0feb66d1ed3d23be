//! The command line.

use crate::address;
use crate::library::Lifetime;
use crate::program::Strangers;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How the program is to be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver if it can, else tc.
    Auto,
    /// XDP in the driver.
    Native,
    /// tc, ingress.
    Tc,
    /// XDP in the network stack.
    Generic,
}

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// The network device.
    pub device: String,
    /// Where the server listens.
    pub listen: Vec<SocketAddr>,
    /// The secret file, as the server has it.
    pub secret_file: PathBuf,
    /// The cookies' lifetime, as the server has it.
    pub lifetime: Lifetime,
    /// See there.
    pub mode: Mode,
    /// See there.
    pub strangers: Strangers,
    /// Does what is no DTLS go to the server?
    pub not_dtls_passes: bool,
    /// 0: no limit.
    pub answers_per_second: u64,
    /// Where to write the counters.
    pub stats: Option<PathBuf>,
    /// The counters of a server that runs already.
    pub server_stats: Option<PathBuf>,
    /// What the server is preloaded with.
    pub library: OsString,
    /// The server to start, and its arguments.
    pub program: Vec<OsString>,
}

/// What a command line comes to.
#[derive(Debug)]
pub enum Command {
    /// Answer.
    Run(Options),
    /// Try the program on this kernel.
    Check,
    /// Say how it is called.
    Help,
    /// Say which version it is.
    Version,
}

/// How it is called.
pub const USAGE: &str = "\
usage: dtlsv1-listen-xdp --dev DEVICE --listen ADDRESS:PORT --secret-file FILE [OPTION...]
                         [-- PROGRAM ARGUMENT...]
       dtlsv1-listen-xdp --check

  --dev DEVICE            the network device that clients come in by
  --listen ADDRESS:PORT   where the server listens; may be given again
  --secret-file FILE      the server's secret file
  --lifetime SECONDS      the server's cookie lifetime (60)
  --mode MODE             auto, native, tc or generic (auto: native, else tc)
  --strangers WHICH       records of no first contact: pass, connected or proved (pass)
  --non-dtls WHAT         what is no DTLS: drop or pass (drop)
  --answers-per-second-per-destination N
                          no limit unless it is given
  --stats FILE            where to write counters for Prometheus, once a second
  --server-stats FILE     the counters of a server that runs already
  --library FILE          what PROGRAM is preloaded with (libdtlsv1_listen.so.1)
  --check                 have this kernel verify the program and answer one hello

See dtlsv1-listen-xdp(8).
";

impl Command {
    /// Reads the arguments behind the command's name; the reason where they make no sense.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let (mut device, mut secret_file) = (None, None);
        let mut listen: Vec<SocketAddr> = Vec::new();
        let mut options = Options {
            device: String::new(),
            listen: Vec::new(),
            secret_file: PathBuf::new(),
            lifetime: Lifetime::DEFAULT,
            mode: Mode::Auto,
            strangers: Strangers::Pass,
            not_dtls_passes: false,
            answers_per_second: 0,
            stats: None,
            server_stats: None,
            library: "libdtlsv1_listen.so.1".into(),
            program: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let Some(text) = argument.to_str() else {
                return Err(format!("{}: what is that?", argument.to_string_lossy()));
            };
            let (name, glued) = match text.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.into())),
                _ => (text, None),
            };
            match (name, &glued) {
                ("--", None) => {
                    options.program = arguments.by_ref().collect();
                    if options.program.is_empty() {
                        return Err("-- wants a program behind it".into());
                    }
                    continue;
                }
                ("--help" | "-h", None) => return Ok(Self::Help),
                ("--version", None) => return Ok(Self::Version),
                ("--check", None) => return Ok(Self::Check),
                _ => {}
            }
            let mut value = || -> Result<OsString, String> {
                glued.clone().or_else(|| arguments.next()).ok_or(format!("{name} wants a value"))
            };
            match name {
                "--dev" => device = Some(word(value()?, name)?),
                "--listen" => {
                    let address = address::parse(&word(value()?, name)?)?;
                    if !listen.contains(&address) {
                        listen.push(address);
                    }
                }
                "--secret-file" => secret_file = Some(PathBuf::from(value()?)),
                "--lifetime" => {
                    let seconds = number(&word(value()?, name)?, name)?;
                    options.lifetime = u32::try_from(seconds)
                        .ok()
                        .and_then(Lifetime::from_seconds)
                        .ok_or(format!("{name} takes 1 to 86400 seconds"))?;
                }
                "--mode" => {
                    options.mode = match word(value()?, name)?.as_str() {
                        "auto" => Mode::Auto,
                        "native" => Mode::Native,
                        "tc" => Mode::Tc,
                        "generic" => Mode::Generic,
                        _ => return Err(format!("{name} takes auto, native, tc or generic")),
                    }
                }
                "--strangers" => {
                    options.strangers = match word(value()?, name)?.as_str() {
                        "pass" => Strangers::Pass,
                        "connected" => Strangers::Connected,
                        "proved" => Strangers::Proved,
                        _ => return Err(format!("{name} takes pass, connected or proved")),
                    }
                }
                "--non-dtls" => {
                    options.not_dtls_passes = match word(value()?, name)?.as_str() {
                        "pass" => true,
                        "drop" => false,
                        _ => return Err(format!("{name} takes drop or pass")),
                    }
                }
                "--answers-per-second-per-destination" => {
                    options.answers_per_second = number(&word(value()?, name)?, name)?;
                    if options.answers_per_second == 0 {
                        return Err(format!("{name} takes 1 or more"));
                    }
                }
                "--stats" => options.stats = Some(value()?.into()),
                "--server-stats" => options.server_stats = Some(value()?.into()),
                "--library" => options.library = value()?,
                _ => return Err(format!("{text}: no such option")),
            }
        }
        options.device = device.ok_or("--dev is missing: the device that clients come in by")?;
        options.secret_file = secret_file.ok_or("--secret-file is missing: the server's")?;
        if listen.is_empty() {
            return Err("--listen is missing: the server's address and port".into());
        }
        options.listen = listen;
        if !options.program.is_empty() && options.server_stats.is_some() {
            return Err("--server-stats is for a server that runs already: PROGRAM's counters \
                        are found without"
                .into());
        }
        Ok(Self::Run(options))
    }
}

fn word(value: OsString, name: &str) -> Result<String, String> {
    value
        .into_string()
        .map_err(|value| format!("{name}: {}: what is that?", value.to_string_lossy()))
}

fn number(text: &str, name: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(format!("{name}: {text}: not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: &str = "--dev eth0 --listen 203.0.113.5:4433 --secret-file /etc/s";

    fn parse(text: &str) -> Result<Command, String> {
        Command::parse(text.split_whitespace().map(OsString::from))
    }

    fn options(text: &str) -> Options {
        match parse(text) {
            Ok(Command::Run(options)) => options,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let all = options(NEEDED);
        assert_eq!((all.mode, all.strangers), (Mode::Auto, Strangers::Pass));
        assert_eq!((all.lifetime, all.not_dtls_passes), (Lifetime::DEFAULT, false));
        assert_eq!((all.answers_per_second, all.program.len()), (0, 0));
    }

    #[test]
    fn everything_can_be_given() {
        let all = options(
            "--dev=eth0 --listen 203.0.113.5:4433 --listen [2001:db8::5]:4433 --secret-file=/etc/s \
             --listen 203.0.113.5:4433 --lifetime 30 --mode tc --strangers proved --non-dtls pass \
             --answers-per-second-per-destination 9 --stats /s --library /l -- server --mode x",
        );
        assert_eq!((all.device.as_str(), all.listen.len()), ("eth0", 2));
        assert_eq!((all.mode, all.strangers), (Mode::Tc, Strangers::Proved));
        assert_eq!((all.lifetime.seconds(), all.not_dtls_passes), (30, true));
        assert_eq!(all.answers_per_second, 9);
        assert_eq!(all.program, ["server", "--mode", "x"]);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let rows = [
            ("", "--dev is missing"),
            ("--dev eth0 --listen 203.0.113.5:1", "--secret-file is missing"),
            ("--dev eth0 --secret-file s", "--listen is missing"),
            ("--dev", "--dev wants a value"),
            ("--port 5", "--port: no such option"),
            ("--mode fast", "takes auto, native"),
            ("--strangers no", "takes pass, connected"),
            ("--non-dtls no", "takes drop or pass"),
            ("--lifetime 0", "takes 1 to 86400"),
            ("--lifetime 86401", "takes 1 to 86400"),
            ("--lifetime +5", "not a number"),
            ("--answers-per-second-per-destination 0", "takes 1 or more"),
            ("--listen 203.0.113.5", "takes 203.0.113.5:4433"),
            ("--listen 0.0.0.0:4433", "one by one"),
            ("--listen [::]:4433", "one by one"),
            ("--listen 203.0.113.5:0", "the port is missing"),
            ("--listen [ff02::1]:4433", "multicast"),
            ("--listen [fe80::1]:4433", "link-local"),
            ("--listen [::ffff:203.0.113.5]:4433", "as IPv4"),
            ("--", "wants a program"),
            ("--server-stats /s -- server", "runs already"),
        ];
        for (more, reason) in rows {
            let text = if more.starts_with("--dev") || more.is_empty() {
                more.to_owned()
            } else {
                format!("{NEEDED} {more}")
            };
            let why = parse(&text).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
    }
}
