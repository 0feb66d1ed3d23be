//! What we remember of one SSL: that it is cleared and listening, or the cookie that its client
//! was accepted with.

use super::claimed;
use super::ex_data::{ExData, SslValue};
use super::libssl::Libssl;
use super::queue::clear_errors;
use super::ssl::Ssl;
use super::sys;
use crate::hello::error::Fault;

/// The cookie that the SSL's client was accepted with. libssl asks for it once more in
/// `SSL_accept`; by then the application may have put other BIOs in place, which know no peer.
#[repr(align(8))]
pub(super) struct Verified {
    bytes: [u8; REMEMBERED_LEN],
    len: usize,
    /// Where the SSL_CTX was that it was right for.
    ctx: usize,
}

/// Ours have 32 bytes, and an application's as many as a MAC has.
const REMEMBERED_LEN: usize = 64;

impl Verified {
    /// `None` if it is longer than that.
    fn new(cookie: &[u8], ctx: usize) -> Option<Self> {
        let mut verified = Self { bytes: [0; REMEMBERED_LEN], len: cookie.len(), ctx };
        verified.bytes.get_mut(..cookie.len())?.copy_from_slice(cookie);
        Some(verified)
    }

    fn is(&self, cookie: &[u8]) -> bool {
        self.bytes.get(..self.len) == Some(cookie)
    }
}

impl SslValue for Verified {
    /// A copy has not been accepted.
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

/// A mark stands for "cleared and listening": no memory is needed until a cookie was right.
static STATE: ExData<Verified> = ExData::new();

/// Asks for the place on SSLs ahead of need.
pub(super) fn prepare(libssl: &'static Libssl) {
    STATE.prepare(libssl);
}

/// Leaves no state of an earlier client in the SSL (CVE-2015-0207), as libssl does on entry.
///
/// `SSL_clear` is most of what a call costs, so it is left out where it would change nothing:
/// for an SSL that we cleared before and that has not begun a handshake since.
pub(crate) fn begin(ssl: Ssl) -> Result<(), Fault> {
    if is_listening(ssl) && is_untouched(ssl) {
        return Ok(());
    }
    // libssl sets the accept state of an SSL that has neither state; one that a program made a
    // client of is left as it is, and so is one that has begun a handshake: it has a state, and
    // from 3.2 on to set it again would lose a record layer that sent messages refer to.
    if ssl.is_server() && ssl.in_before() && !is_known(ssl) {
        // SAFETY: type invariant.
        unsafe { ssl.libssl().ssl.SSL_set_accept_state(ssl.as_ptr()) };
    }
    // SAFETY: type invariant.
    if unsafe { ssl.libssl().ssl.SSL_clear(ssl.as_ptr()) } == 0 {
        return Err(Fault::Libssl);
    }
    mark_listening(ssl);
    claimed::release_claim(ssl);
    Ok(())
}

fn is_untouched(ssl: Ssl) -> bool {
    // SAFETY: type invariant.
    let idle = unsafe { ssl.libssl().ssl.SSL_want(ssl.as_ptr()) } == sys::SSL_NOTHING;
    // SAFETY: type invariant.
    let open = unsafe { ssl.libssl().ssl.SSL_get_shutdown(ssl.as_ptr()) } == 0;
    ssl.in_before() && idle && open && !remembers_an_error(ssl)
}

/// From 4.0 on an SSL keeps an error of its own until it is cleared; before, `SSL_get_error`
/// looks at the queue, which is emptied anyway.
fn remembers_an_error(ssl: Ssl) -> bool {
    if !ssl.libssl().release.ssl_keeps_error {
        return false;
    }
    clear_errors(ssl.libssl());
    // SAFETY: type invariant.
    unsafe { ssl.libssl().ssl.SSL_get_error(ssl.as_ptr(), -1) == sys::SSL_ERROR_SSL }
}

/// Did we clear this SSL, with the SSL_CTX and the method that it has now, and has no client been
/// accepted on it since?
fn is_listening(ssl: Ssl) -> bool {
    STATE.is_marked(ssl, method_fingerprint(ssl))
}

/// What `SSL_clear` goes by: after SSL_set_SSL_CTX or SSL_set_ssl_method it has work to do.
fn method_fingerprint(ssl: Ssl) -> usize {
    address_of_ctx(ssl) ^ ssl.method().addr().rotate_left(32)
}

/// Have we had this SSL before?
fn is_known(ssl: Ssl) -> bool {
    STATE.is_set(ssl)
}

fn mark_listening(ssl: Ssl) {
    // Without memory for it the SSL is cleared anew in each call: slower, and right.
    let _ = STATE.set_mark(ssl, method_fingerprint(ssl));
}

/// Was its client accepted with this cookie? It is public by now: the client sent it in the clear
/// and it was right, so time tells nothing.
///
/// It counts once, as libssl asks once: what comes after is another handshake, of any peer's.
pub(super) fn accepted_with(ssl: Ssl, cookie: &[u8]) -> bool {
    let accepted = STATE.get(ssl).is_some_and(|verified| verified.is(cookie));
    if accepted {
        forget(ssl);
    }
    accepted
}

/// The same, where the application's callback said no: it may find the peer by the BIO, and that one
/// of `SSL_set_fd` does not know; or it is another SSL_CTX's than the one that was asked.
pub(super) fn was_right_before_an_exchange(ssl: Ssl, cookie: &[u8]) -> bool {
    let on_socket =
        || !ssl.in_before() && ssl.rbio().is_some_and(|rbio| rbio.connected_to().is_some());
    (has_another_ctx(ssl) || on_socket()) && accepted_with(ssl, cookie)
}

fn has_another_ctx(ssl: Ssl) -> bool {
    STATE.get(ssl).is_some_and(|verified| verified.ctx != address_of_ctx(ssl))
}

fn address_of_ctx(ssl: Ssl) -> usize {
    ssl.ctx().map_or(0, |ctx| ctx.as_ptr().addr())
}

/// Forgets all but that we had this SSL: the next call clears it.
pub(super) fn forget(ssl: Ssl) {
    // A mark that stands for no SSL_CTX and method.
    let _ = STATE.set_mark(ssl, 0);
}

/// Remembers the accepted client's cookie; false without memory for it.
pub(crate) fn remember_verified(ssl: Ssl, cookie: &[u8]) -> bool {
    Verified::new(cookie, address_of_ctx(ssl)).is_some_and(|verified| STATE.set(ssl, verified))
}
