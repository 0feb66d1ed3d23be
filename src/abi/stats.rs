//! The process's counters.

use super::done_without_libssl;
use crate::hello::error::{Discard, Fault};
use crate::stats::{Event, total, total_discards};
use std::ffi::c_int;
use std::mem::offset_of;
use std::ptr::NonNull;

/// What DTLSv1_listen(), dtlsv1_listen_datagram() and listeners have done in this process since it was
/// started, or forked off: a child begins at 0. Later versions add members at the end; none is ever
/// moved or removed. A member is there if it ends within `size`.
///
/// Each counter is exact. While other threads are at work they may be a few datagrams apart from
/// each other. They begin anew at 2^64.
#[repr(C)]
pub struct Stats {
    /// Bytes of this structure that the library knows, this member included.
    pub size: usize,
    /// Datagrams read, or given to dtlsv1_listen_datagram(). Listeners' clients' are among them until
    /// they are detached.
    pub datagrams: u64,
    /// Bytes of those.
    pub bytes_in: u64,
    /// HelloVerifyRequests sent, or given to the program to send.
    pub challenges: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// HelloVerifyRequests larger than the datagram that they answer. The application's own
    /// cookies can be long enough for that, built-in ones are not.
    pub challenges_larger: u64,
    /// Cookies that were right, the application's own among them.
    pub cookies_right: u64,
    /// Of the right ones, those made with a secret that makes no cookies any more.
    pub cookies_previous_secret: u64,
    /// Built-in cookies that were right once and are too old.
    pub cookies_expired: u64,
    /// Cookies that were wrong. An application's callback does not tell forged from expired.
    pub cookies_forged: u64,
    /// Clients accepted: calls of DTLSv1_listen() or dtlsv1_listen_adopt() that returned 1, and
    /// clients of listeners.
    pub accepted: u64,
    /// HelloVerifyRequests not sent since the write BIO, or a listener's socket, would have blocked.
    pub writes_blocked: u64,
    /// HelloVerifyRequests not sent since the write BIO, or a listener's socket, failed.
    pub writes_failed: u64,
    /// ClientHellos with a right cookie that libssl did not take.
    pub handoffs_failed: u64,
    /// ClientHellos put together from fragments.
    pub hellos_gathered: u64,
    /// Handshakes whose record sequence numbers were set right.
    pub sequences_repaired: u64,
    /// ClientHellos with a right cookie that had more behind them in their datagram, which was
    /// dropped.
    pub trailing_dropped: u64,
    /// Calls that returned because their budget was spent.
    pub budgets_spent: u64,
    /// Datagrams dropped: shorter than a record header, 13 bytes.
    pub discards_record_too_small: u64,
    /// Dropped: content type other than handshake.
    pub discards_not_handshake: u64,
    /// Dropped: record version that is not DTLS.
    pub discards_record_version: u64,
    /// Dropped: record longer than its datagram.
    pub discards_record_length: u64,
    /// Dropped: epoch other than 0.
    pub discards_epoch: u64,
    /// Dropped: handshake header cut short, or fragment length other than the rest of the record.
    pub discards_handshake_length: u64,
    /// Dropped: handshake message other than a ClientHello.
    pub discards_not_client_hello: u64,
    /// Dropped: message_seq above 1.
    pub discards_message_sequence: u64,
    /// Dropped: fragment without its beginning, or longer than its message.
    pub discards_fragment: u64,
    /// Dropped: ClientHello cut short before the end of its cookie.
    pub discards_hello_length: u64,
    /// Dropped: client version older than the only one that the SSL speaks.
    pub discards_client_version: u64,
    /// Dropped: ClientHello with a right cookie that had been accepted before, while the SSL that was
    /// accepted with it lives.
    pub discards_repeated: u64,
    /// Cookies that the program's own callbacks made or checked, since built-in ones were wanted and
    /// the read BIO does not know the peer.
    pub peers_unknown: u64,
    /// Reads that gave an error which was about an earlier datagram (ICMP: port, host or network
    /// unreachable) and not the socket's end. The call went on.
    pub socket_errors: u64,
    /// Clients accepted by listeners, which `accepted` counts as well.
    pub listener_accepted: u64,
    /// SSLs of listeners freed, detached or left by a listener that was freed: as many less than
    /// listener_accepted are there now.
    pub listener_closed: u64,
    /// Clients that began anew from the same port.
    pub listener_replaced: u64,
    /// Handshakes that took too long, or that libssl gave up.
    pub listener_overdue: u64,
    /// Clients that got a socket of their own.
    pub listener_detached: u64,
    /// ClientHellos with a right cookie that were dropped since there was no room for another
    /// client.
    pub listener_refused: u64,
    /// ClientHellos with a right cookie that had been accepted before.
    pub listener_repeated: u64,
    /// Clients' datagrams that were lost since their SSL was not read from.
    pub listener_overflows: u64,
    /// Datagrams as clients send them, from nobody who is one.
    pub listener_strays: u64,
    /// Datagrams to listeners that were too long, sent to a group, or from no address.
    pub listener_unusable: u64,
}

/// Bytes of the structure in the first version that has it. Fixed from the first release on.
const FIRST: usize = offset_of!(Stats, peers_unknown) + size_of::<u64>();

impl Stats {
    fn now() -> Self {
        Self {
            size: size_of::<Self>(),
            datagrams: total(Event::Datagram),
            bytes_in: total(Event::BytesIn),
            challenges: total(Event::Challenge),
            bytes_out: total(Event::BytesOut),
            challenges_larger: total(Event::ChallengeLarger),
            cookies_right: total(Event::CookieRight),
            cookies_previous_secret: total(Event::CookiePreviousSecret),
            cookies_expired: total(Event::CookieExpired),
            cookies_forged: total(Event::CookieForged),
            accepted: total(Event::Accepted),
            writes_blocked: total(Event::WriteBlocked),
            writes_failed: total(Event::WriteFailed),
            handoffs_failed: total(Event::HandoffFailed),
            hellos_gathered: total(Event::HelloGathered),
            sequences_repaired: total(Event::SequenceRepaired),
            trailing_dropped: total(Event::TrailingDropped),
            budgets_spent: total(Event::BudgetSpent),
            discards_record_too_small: total_discards(Discard::RecordTooSmall),
            discards_not_handshake: total_discards(Discard::NotHandshake),
            discards_record_version: total_discards(Discard::RecordVersion),
            discards_record_length: total_discards(Discard::RecordLength),
            discards_epoch: total_discards(Discard::Epoch),
            discards_handshake_length: total_discards(Discard::HandshakeLength),
            discards_not_client_hello: total_discards(Discard::NotClientHello),
            discards_message_sequence: total_discards(Discard::MessageSequence),
            discards_fragment: total_discards(Discard::Fragment),
            discards_hello_length: total_discards(Discard::HelloLength),
            discards_client_version: total_discards(Discard::ClientVersion),
            discards_repeated: total_discards(Discard::Repeated),
            peers_unknown: total(Event::PeerUnknown),
            socket_errors: total(Event::SocketError),
            listener_accepted: total(Event::ListenerAccepted),
            listener_closed: total(Event::ListenerClosed),
            listener_replaced: total(Event::ListenerReplaced),
            listener_overdue: total(Event::ListenerOverdue),
            listener_detached: total(Event::ListenerDetached),
            listener_refused: total(Event::ListenerRefused),
            listener_repeated: total(Event::ListenerRepeated),
            listener_overflows: total(Event::ListenerOverflow),
            listener_strays: total(Event::ListenerStray),
            listener_unusable: total(Event::ListenerUnusable),
        }
    }
}

/// Reads the process's counters. They cover every SSL_CTX and every thread, and only what goes
/// through DTLSv1_listen(), dtlsv1_listen_peer(), dtlsv1_listen_datagram(), dtlsv1_listen_adopt() and
/// listeners.
///
/// `stats`: where they go. `size`: sizeof(struct dtlsv1_listen_stats) as the caller was compiled.
/// No more than that is written. A library that is older than the caller clears the members that it
/// does not know, and stats->size says where it ended.
///
/// Any thread may call it, at any time. It takes no lock.
///
/// Returns 1, or 0 with the reason queued and nothing written (`stats` NULL, `size` less than the
/// structure had in the first version).
///
/// # Safety
///
/// `stats` is NULL or writable for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_get_stats(stats: *mut Stats, size: usize) -> c_int {
    done_without_libssl(|| {
        let to = NonNull::new(stats).ok_or(Fault::NullArgument)?.cast::<u8>();
        if size < FIRST {
            return Err(Fault::InvalidArgument);
        }
        let mut now = Stats::now();
        now.size = size.min(size_of::<Stats>());
        // SAFETY: writable for `size` bytes, by this function's contract.
        unsafe { to.write_bytes(0, size) };
        // SAFETY: writable for `size` bytes, by this function's contract, and `now` has that many.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(&now).cast(), now.size) };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counted_has_a_member() {
        let counters = Event::COUNT + Discard::ALL.len();
        // The first of them is where a number of 64 bits may be: on ARM of 32 bits, not just behind.
        let first = size_of::<usize>().next_multiple_of(align_of::<u64>());
        assert_eq!(size_of::<Stats>(), first + counters * size_of::<u64>());
    }
}
