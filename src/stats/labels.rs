//! The labels that the file's name gives to its series.

use std::fmt::{Display, Formatter, Result as Written, Write as _};

/// Stands in a path for the process's number.
pub(super) const PID: &[u8] = b"%p";

/// Labels for every series in a file: two files in node_exporter's directory must not have one in
/// common, or the scrape of the whole directory fails.
pub(super) struct Labels<'a> {
    server: [&'a [u8]; 2],
    pid: Option<u32>,
}

impl<'a> Labels<'a> {
    /// By the name of the file at `path`; `pid` where each process has a file of its own.
    pub(super) fn of(path: &'a [u8], pid: Option<u32>) -> Self {
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let name = name.strip_suffix(b".prom").unwrap_or(name);
        let found = name.windows(PID.len()).position(|two| two == PID);
        let (before, after) = match found.and_then(|at| name.split_at_checked(at)) {
            Some((before, rest)) => (before, rest.strip_prefix(PID).unwrap_or(rest)),
            None => (name, &[][..]),
        };
        // "radsec-%p" is the server "radsec".
        let before = match before.split_last() {
            Some((b'-' | b'.' | b'_', rest)) if found.is_some() => rest,
            _ => before,
        };
        let after = match after.split_first() {
            Some((b'-' | b'.' | b'_', rest)) if before.is_empty() => rest,
            _ => after,
        };
        Self { server: [before, after], pid }
    }

    /// As they stand behind a metric's name, with one more or without.
    pub(super) fn with<'b>(&'b self, more: Option<(&'b str, &'b str)>) -> impl Display + 'b {
        LabelSet { labels: self, more }
    }
}

struct LabelSet<'a> {
    labels: &'a Labels<'a>,
    more: Option<(&'a str, &'a str)>,
}

impl Display for LabelSet<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        let mut next = '{';
        if self.labels.server.iter().any(|part| !part.is_empty()) {
            write!(f, "{next}server=\"")?;
            for &byte in self.labels.server.iter().copied().flatten() {
                // Nothing that would have to be escaped, or is not UTF-8.
                let plain = byte.is_ascii_alphanumeric() || b"-._%".contains(&byte);
                f.write_char(if plain { char::from(byte) } else { '_' })?;
            }
            f.write_char('"')?;
            next = ',';
        }
        if let Some(pid) = self.labels.pid {
            write!(f, "{next}pid=\"{pid}\"")?;
            next = ',';
        }
        if let Some((name, value)) = self.more {
            write!(f, "{next}{name}=\"{value}\"")?;
            next = ',';
        }
        if next == ',' { f.write_char('}') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::stats::path::Pattern;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn labels_tell_files_apart() {
        let rows = [
            ("/d/coap.prom", r#"{server="coap"}"#),
            ("/d.prom/coap", r#"{server="coap"}"#),
            ("/d/radsec-%p.prom", r#"{server="radsec",pid="7"}"#),
            ("/d/%p.radsec.prom", r#"{server="radsec",pid="7"}"#),
            ("/d/a-%p-b.prom", r#"{server="a-b",pid="7"}"#),
            ("/d/%p.prom", r#"{pid="7"}"#),
            ("/d/%p/coap.prom", r#"{server="coap",pid="7"}"#),
            ("/d/a \"b\"\\\u{e9}.prom", r#"{server="a__b____"}"#),
            ("/d/.prom", ""),
        ];
        for (path, labels) in rows {
            assert_eq!(pattern(path).labels(7).with(None).to_string(), labels, "{path}");
        }
        let more = Some(("reason", "epoch"));
        let labels = |path| pattern(path).labels(7).with(more).to_string();
        assert_eq!(labels("/d/coap.prom"), r#"{server="coap",reason="epoch"}"#);
        assert_eq!(labels("/d/.prom"), r#"{reason="epoch"}"#);
    }
}
