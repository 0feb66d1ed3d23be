//! The counters in Prometheus's text format, as the library writes its own.

use crate::shared::Counts;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Everything that is counted on a device, as text.
pub fn text(counts: &Counts, device: &str, mode: &str, detached: bool) -> String {
    // Kernels take other names for a device than these; none has to be escaped then.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._@:".contains(c);
    let device: String = device.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut out = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let attached = u8::from(!detached);
    let _ = write!(
        out,
        "# HELP dtlsv1_listen_xdp_attached Are hellos answered in the kernel?\n\
         # TYPE dtlsv1_listen_xdp_attached gauge\n\
         dtlsv1_listen_xdp_attached{{device=\"{device}\",mode=\"{mode}\",version=\"{version}\"}} {attached}\n"
    );
    let mut metric = |name: &str, help: &str, series: &[(&str, &str, u64)]| {
        let _ = writeln!(out, "# HELP dtlsv1_listen_xdp_{name}_total {help}");
        let _ = writeln!(out, "# TYPE dtlsv1_listen_xdp_{name}_total counter");
        for (label, value, count) in series {
            let more =
                if label.is_empty() { String::new() } else { format!(",{label}=\"{value}\"") };
            let _ = writeln!(
                out,
                "dtlsv1_listen_xdp_{name}_total{{device=\"{device}\"{more}}} {count}"
            );
        }
    };
    let c = counts;
    metric("datagrams", "Datagrams to an address that is answered.", &[("", "", c.datagrams)]);
    metric("received_bytes", "Bytes of those datagrams.", &[("", "", c.received_bytes)]);
    metric("challenges", "HelloVerifyRequests sent.", &[("", "", c.challenges)]);
    metric("sent_bytes", "Bytes of the HelloVerifyRequests sent.", &[("", "", c.sent_bytes)]);
    metric(
        "cookies",
        "Cookies that came back, by what they turned out to be.",
        &[("result", "right", c.right), ("result", "wrong", c.wrong)],
    );
    metric(
        "cookies_previous_secret",
        "Right cookies made with a secret that makes none any more.",
        &[("", "", c.previous_secret)],
    );
    metric(
        "passed",
        "Datagrams that went to the server, by reason.",
        &[
            ("reason", "right_cookie", c.right),
            ("reason", "session", c.pass_session),
            ("reason", "continuation", c.pass_continuation),
            ("reason", "not_dtls", c.pass_not_dtls),
            ("reason", "not_ours", c.pass_not_ours),
            ("reason", "offloaded", c.pass_offloaded),
            ("reason", "stale_keys", c.pass_stale),
        ],
    );
    metric(
        "dropped",
        "Datagrams that were dropped, by reason.",
        &[
            ("reason", "not_dtls", c.drop_not_dtls),
            ("reason", "malformed", c.drop_malformed),
            ("reason", "stranger", c.drop_stranger),
            ("reason", "continuation", c.drop_continuation),
            ("reason", "source", c.drop_source),
            ("reason", "ip_options", c.drop_options),
            ("reason", "checksum", c.drop_checksum),
            ("reason", "limit", c.drop_limit),
            ("reason", "not_sent", c.drop_failed),
        ],
    );
    out
}

/// Puts the text where whoever reads it sees the old one or the new one.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".tmp");
    fs::write(&draft, text)?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_there_once() {
        // 22 different numbers.
        let counts = Counts {
            datagrams: 1001,
            received_bytes: 1002,
            challenges: 1003,
            sent_bytes: 1004,
            right: 1005,
            previous_secret: 1006,
            wrong: 1007,
            pass_stale: 1008,
            pass_session: 1009,
            pass_continuation: 1010,
            pass_not_dtls: 1011,
            pass_not_ours: 1012,
            pass_offloaded: 1013,
            drop_not_dtls: 1014,
            drop_malformed: 1015,
            drop_stranger: 1016,
            drop_continuation: 1017,
            drop_source: 1018,
            drop_options: 1019,
            drop_checksum: 1020,
            drop_limit: 1021,
            drop_failed: 1022,
        };
        let text = text(&counts, "et\"h0", "tc", false);
        for number in 1001..=1022 {
            let expected = if number == 1005 { 2 } else { 1 };
            assert_eq!(text.matches(&format!(" {number}\n")).count(), expected, "{number}");
        }
        assert!(text.contains("dropped_total{device=\"et_h0\",reason=\"limit\"} 1021\n"));
        assert!(text.lines().all(|line| line.starts_with("# ") || line.contains("{device=")));
        let counts = counts.plus(&counts);
        assert_eq!((counts.datagrams, counts.drop_failed), (2002, 2044));
    }
}
