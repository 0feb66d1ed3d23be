//! The counters in Prometheus's text format, version 0.0.4.

use super::counters::{total, total_discards};
use super::event::Event;
use super::labels::Labels;
use super::place::Mark;
use crate::hello::error::Discard;
use std::io::{Result, Write};

/// One metric, without its prefix and `_total`, and what it is the total of.
struct Metric {
    name: &'static str,
    help: &'static str,
    of: &'static [Series],
}

/// An event, and the label that tells it from the others of its metric.
type Series = (Event, Option<(&'static str, &'static str)>);

const fn metric(name: &'static str, help: &'static str, of: &'static [Series]) -> Metric {
    Metric { name, help, of }
}

const METRICS: [Metric; 26] = [
    metric("datagrams", "Datagrams read.", &[(Event::Datagram, None)]),
    metric("received_bytes", "Bytes of the datagrams read.", &[(Event::BytesIn, None)]),
    metric("challenges", "HelloVerifyRequests sent.", &[(Event::Challenge, None)]),
    metric("sent_bytes", "Bytes of the HelloVerifyRequests sent.", &[(Event::BytesOut, None)]),
    metric(
        "challenges_larger",
        "HelloVerifyRequests larger than the datagram they answer, for the application's own cookies.",
        &[(Event::ChallengeLarger, None)],
    ),
    metric(
        "cookies",
        "Cookies that came back, by what they turned out to be.",
        &[
            (Event::CookieRight, Some(("result", "right"))),
            (Event::CookieExpired, Some(("result", "expired"))),
            (Event::CookieForged, Some(("result", "forged"))),
        ],
    ),
    metric(
        "cookies_previous_secret",
        "Right cookies made with a secret that makes none any more.",
        &[(Event::CookiePreviousSecret, None)],
    ),
    metric("accepted", "Clients accepted.", &[(Event::Accepted, None)]),
    metric(
        "writes_failed",
        "HelloVerifyRequests that could not be sent.",
        &[
            (Event::WriteBlocked, Some(("reason", "would_block"))),
            (Event::WriteFailed, Some(("reason", "error"))),
        ],
    ),
    metric(
        "handoffs_failed",
        "Verified ClientHellos that libssl did not take.",
        &[(Event::HandoffFailed, None)],
    ),
    metric(
        "hellos_gathered",
        "ClientHellos put together from fragments.",
        &[(Event::HelloGathered, None)],
    ),
    metric(
        "sequences_repaired",
        "Handshakes whose record sequence numbers were set right.",
        &[(Event::SequenceRepaired, None)],
    ),
    metric(
        "socket_errors",
        "Reads that gave what had become of an earlier datagram: unreachable peers.",
        &[(Event::SocketError, None)],
    ),
    metric(
        "trailing_dropped",
        "Verified ClientHellos with more behind them in their datagram, which was dropped.",
        &[(Event::TrailingDropped, None)],
    ),
    metric(
        "budgets_spent",
        "Calls that returned because their budget was spent.",
        &[(Event::BudgetSpent, None)],
    ),
    metric(
        "peers_unknown",
        "Cookies left to the program's callbacks, since the read BIO does not know the peer.",
        &[(Event::PeerUnknown, None)],
    ),
    metric(
        "listener_accepted",
        "Clients accepted by listeners, which accepted counts as well.",
        &[(Event::ListenerAccepted, None)],
    ),
    metric(
        "listener_closed",
        "SSLs of listeners freed, detached or left by a listener that was freed: as many less than listener_accepted are there now.",
        &[(Event::ListenerClosed, None)],
    ),
    metric(
        "listener_replaced",
        "Clients that began anew from the same port.",
        &[(Event::ListenerReplaced, None)],
    ),
    metric(
        "listener_overdue",
        "Handshakes that took too long, or that libssl gave up.",
        &[(Event::ListenerOverdue, None)],
    ),
    metric(
        "listener_detached",
        "Clients that got a socket of their own.",
        &[(Event::ListenerDetached, None)],
    ),
    metric(
        "listener_refused",
        "ClientHellos with a right cookie that were dropped since there was no room for another client.",
        &[(Event::ListenerRefused, None)],
    ),
    metric(
        "listener_repeated",
        "ClientHellos with a right cookie that had been accepted before.",
        &[(Event::ListenerRepeated, None)],
    ),
    metric(
        "listener_overflows",
        "Clients' datagrams that were lost since their SSL was not read from.",
        &[(Event::ListenerOverflow, None)],
    ),
    metric(
        "listener_strays",
        "Datagrams as clients send them, from nobody who is one.",
        &[(Event::ListenerStray, None)],
    ),
    metric(
        "listener_unusable",
        "Datagrams to listeners that were too long, sent to a group, or from no address.",
        &[(Event::ListenerUnusable, None)],
    ),
];

/// Writes all of them.
pub(super) fn write(to: &mut impl Write, mark: Mark, labels: &Labels<'_>) -> Result<()> {
    const VERSION: Option<(&str, &str)> = Some(("version", env!("CARGO_PKG_VERSION")));
    writeln!(to, "{mark}")?;
    writeln!(to, "# HELP dtlsv1_listen_info libdtlsv1_listen at work in this process.")?;
    writeln!(to, "# TYPE dtlsv1_listen_info gauge")?;
    writeln!(to, "dtlsv1_listen_info{} 1", labels.with(VERSION))?;
    for Metric { name, help, of } in &METRICS {
        head(to, name, help)?;
        for &(event, label) in *of {
            writeln!(to, "dtlsv1_listen_{name}_total{} {}", labels.with(label), total(event))?;
        }
    }
    head(to, "discards", "Datagrams dropped in silence, by reason.")?;
    for reason in Discard::ALL {
        let labels = labels.with(Some(("reason", reason.name())));
        writeln!(to, "dtlsv1_listen_discards_total{labels} {}", total_discards(reason))?;
    }
    Ok(())
}

fn head(to: &mut impl Write, name: &str, help: &str) -> Result<()> {
    writeln!(to, "# HELP dtlsv1_listen_{name}_total {help}")?;
    writeln!(to, "# TYPE dtlsv1_listen_{name}_total counter")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::path::{MAX_PATH, Pattern};

    #[test]
    fn every_event_is_shown_once() {
        let mut shown: Vec<_> =
            METRICS.iter().flat_map(|m| m.of).map(|(event, _)| *event as usize).collect();
        shown.sort_unstable();
        assert_eq!(shown, (0..Event::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn the_longest_labels_fit() {
        let name = format!("/{}%p.prom", "x".repeat(255));
        let pattern = Pattern::new(name.as_bytes()).unwrap();
        let mut text = Vec::new();
        let mark = Mark::of(u32::MAX, std::time::SystemTime::now());
        write(&mut text, mark, &pattern.labels(u32::MAX)).unwrap();
        assert!(text.len() < crate::stats::file::ROOM, "{}", text.len());
        assert!(name.len() < MAX_PATH);
    }
}
