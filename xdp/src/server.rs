//! The server behind the program: does it make and check the same cookies?

use crate::library::Lifetime;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The variables by which a server is told what it shares.
pub const SECRET_FILE: &str = "DTLSV1_LISTEN_SECRET_FILE";
/// In seconds.
pub const LIFETIME: &str = "DTLSV1_LISTEN_COOKIE_LIFETIME";
/// `auto`, `app` or `builtin`.
pub const COOKIES: &str = "DTLSV1_LISTEN_COOKIES";
/// Where it writes its counters.
pub const STATS: &str = "DTLSV1_LISTEN_STATS";

/// A process's environment.
pub type Environment = BTreeMap<OsString, OsString>;

/// What in a server's environment would have it refuse our cookies.
pub fn contradiction(
    environment: &Environment,
    secret_file: &Path,
    lifetime: Lifetime,
) -> Option<String> {
    let value = |name: &str| environment.get(OsStr::new(name));
    if value(COOKIES).is_some_and(|policy| policy == "app") {
        return Some(format!(
            "{COOKIES}=app: the server takes its own cookies alone, and every client that was \
             answered here would be stuck"
        ));
    }
    let other = value(SECRET_FILE).filter(|theirs| !same_file(Path::new(theirs), secret_file));
    if let Some(theirs) = other {
        return Some(format!(
            "{SECRET_FILE}={}, which is another file than {}",
            Path::new(theirs).display(),
            secret_file.display()
        ));
    }
    let theirs = value(LIFETIME).map_or(Some(Lifetime::DEFAULT.seconds()), |text| {
        text.to_str().and_then(|text| text.parse().ok())
    });
    if theirs != Some(lifetime.seconds()) {
        let theirs = theirs.map_or("no number".into(), |seconds| format!("{seconds} s"));
        return Some(format!(
            "{LIFETIME}: the server's cookies live for {theirs}, and these for {} s: name it with \
             --lifetime",
            lifetime.seconds()
        ));
    }
    None
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => a == b,
    }
}

/// A server that has a socket where it is listened.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Its environment.
    pub environment: Environment,
    /// Is this library loaded there?
    pub has_library: bool,
}

/// Who listens at an address, of those whom this process may look at.
pub fn listening_at(address: SocketAddr) -> Vec<Running> {
    let wanted = sockets_at(address);
    let mut found = Vec::new();
    for pid in processes() {
        let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let links = fds.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        let is_socket = |link: &PathBuf| {
            let inode = link.to_str().and_then(|l| l.strip_prefix("socket:[")?.strip_suffix(']'));
            inode.is_some_and(|inode| wanted.iter().any(|w| w == inode))
        };
        if links.into_iter().any(|link| is_socket(&link)) {
            let environment = environment_of(pid);
            found.push(Running { pid, environment, has_library: has_library(pid) });
        }
    }
    found
}

fn processes() -> impl Iterator<Item = u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn environment_of(pid: u32) -> Environment {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let pairs = bytes.split(|&b| b == 0).filter_map(|pair| {
        let at = pair.iter().position(|&b| b == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        let value = value.strip_prefix(b"=")?;
        Some((OsStr::from_bytes(name).into(), OsStr::from_bytes(value).into()))
    });
    pairs.collect()
}

/// Has the process this library in it?
pub fn has_library(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/maps"))
        .is_ok_and(|maps| maps.contains("/libdtlsv1_listen"))
}

/// The inodes of UDP sockets that are bound there, or to every address, and not connected.
///
/// Three looks: the kernel passes sockets over while others come and go, as under a flood of look-ups.
fn sockets_at(address: SocketAddr) -> Vec<String> {
    let mut found = Vec::new();
    for file in ["/proc/net/udp", "/proc/net/udp6"].repeat(3) {
        for line in fs::read_to_string(file).unwrap_or_default().lines().skip(1) {
            let mut fields = line.split_whitespace().skip(1);
            let Some((local, remote)) = fields.next().zip(fields.next()) else { continue };
            let Some(inode) = fields.nth(6) else { continue };
            let is_free = remote.bytes().all(|b| b == b'0' || b == b':');
            let Some((ip, port)) = parse_local(local) else { continue };
            if is_free && port == address.port() && (ip == address.ip() || ip.is_unspecified()) {
                found.push(inode.to_owned());
            }
        }
    }
    found
}

/// As /proc/net/udp has it: words in the machine's order, in hex.
fn parse_local(text: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for at in (0..ip.len()).step_by(8) {
        let word = u32::from_str_radix(ip.get(at..at.checked_add(8)?)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(v4) => IpAddr::from(v4),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?).to_canonical(),
    };
    Some((ip, u16::from_str_radix(port, 16).ok()?))
}

/// What a server's counters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Cookies that it refused.
    pub refused: u64,
    /// Clients that it accepted.
    pub accepted: u64,
}

/// Reads the counters from a file, or, with `%p` in its name, from all files of that name.
pub fn counters(path: &Path) -> Option<Told> {
    let name = path.file_name()?.to_str()?;
    let Some((before, after)) = name.split_once("%p") else {
        return Some(parse(&fs::read_to_string(path).ok()?));
    };
    let mut sum = None;
    for entry in fs::read_dir(path.parent()?).ok()?.flatten() {
        let file = entry.file_name();
        let pid = file.to_str().and_then(|f| f.strip_prefix(before)?.strip_suffix(after));
        if !pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())) {
            continue;
        }
        let told = parse(&fs::read_to_string(entry.path()).unwrap_or_default());
        let all: &mut Told = sum.get_or_insert_with(Told::default);
        all.refused = all.refused.saturating_add(told.refused);
        all.accepted = all.accepted.saturating_add(told.accepted);
    }
    sum
}

fn parse(text: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<u64>() else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let refused = labels.contains("result=\"forged\"") || labels.contains("result=\"expired\"");
        match name {
            "dtlsv1_listen_cookies_total" if refused => {
                told.refused = told.refused.saturating_add(value);
            }
            "dtlsv1_listen_accepted_total" => told.accepted = told.accepted.saturating_add(value),
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_other_settings_is_refused() {
        let file = Path::new("/etc/secret");
        let minute = Lifetime::DEFAULT;
        let with = |pairs: &[(&str, &str)], lifetime| {
            let environment = pairs.iter().map(|&(a, b)| (a.into(), b.into())).collect();
            contradiction(&environment, file, lifetime)
        };
        assert_eq!(with(&[], minute), None);
        assert_eq!(
            with(&[(COOKIES, "builtin"), (SECRET_FILE, "/etc/secret"), (LIFETIME, "60")], minute),
            None
        );
        assert!(with(&[(COOKIES, "app")], minute).unwrap().contains("would be stuck"));
        assert!(with(&[(SECRET_FILE, "/etc/other")], minute).unwrap().contains("another file"));
        assert!(with(&[(LIFETIME, "30")], minute).unwrap().contains("live for 30 s"));
        assert!(with(&[(LIFETIME, "x")], minute).unwrap().contains("no number"));
        let half = Lifetime::from_seconds(30).unwrap();
        assert_eq!(with(&[(LIFETIME, "30")], half), None);
        assert!(with(&[], half).unwrap().contains("live for 60 s"));
    }

    #[test]
    fn a_process_that_listens_is_found() {
        for bound in ["127.0.0.1:0", "0.0.0.0:0"] {
            let socket = std::net::UdpSocket::bind(bound).unwrap();
            let port = socket.local_addr().unwrap().port();
            let found = listening_at(SocketAddr::from(([127, 0, 0, 1], port)));
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].pid, found[0].has_library), (std::process::id(), false));
            assert!(found[0].environment.contains_key(OsStr::new("PATH")));
            let other = listening_at(SocketAddr::from(([127, 0, 0, 2], port)));
            assert_eq!(other.len(), usize::from(bound.starts_with('0')));
            socket.connect("127.0.0.1:9").unwrap();
            assert!(listening_at(SocketAddr::from(([127, 0, 0, 1], port))).is_empty());
        }
        assert_eq!(parse_local("0100007F:1151"), Some((IpAddr::from([127, 0, 0, 1]), 4433)));
        assert_eq!(
            parse_local("00000000000000000000000001000000:0001").unwrap().0.to_string(),
            "::1"
        );
    }

    #[test]
    fn counters_are_those_of_all_processes() {
        let at = std::env::temp_dir().join(format!("dtlsv1-listen-xdp-{}", std::process::id()));
        fs::create_dir_all(&at).unwrap();
        let text = |n: u64| {
            format!(
                "# HELP x\ndtlsv1_listen_cookies_total{{server=\"s\",result=\"right\"}} 100\n\
                 dtlsv1_listen_cookies_total{{result=\"forged\"}} {n}\n\
                 dtlsv1_listen_cookies_total{{result=\"expired\"}} 1\ndtlsv1_listen_accepted_total {n}\n"
            )
        };
        assert_eq!(counters(&at.join("s-%p.prom")), None);
        fs::write(at.join("s-12.prom"), text(3)).unwrap();
        fs::write(at.join("s-13.prom"), text(4)).unwrap();
        fs::write(at.join("s-x.prom"), text(40)).unwrap();
        assert_eq!(counters(&at.join("s-12.prom")), Some(Told { refused: 4, accepted: 3 }));
        assert_eq!(counters(&at.join("s-%p.prom")), Some(Told { refused: 9, accepted: 7 }));
        assert_eq!(counters(&at.join("none")), None);
        fs::remove_dir_all(&at).unwrap();
    }
}
