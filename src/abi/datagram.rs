//! Without sockets: a datagram in, an answer out.

use super::listen::announce;
use crate::datagram::{Verdict, adopt, judge};
use crate::hello::error::Fault;
use crate::hello::peer::Peer;
use crate::hello::wire::HelloVerifyRequest;
use crate::openssl::{CAPACITY, Call, Context, Libssl, SSL, SSL_CTX, Ssl, SslCtx, queue_fault};
use crate::panic_guard::guard;
use crate::stats;
use libc::{sockaddr, socklen_t};
use std::ffi::{c_int, c_uchar};
use std::ptr::NonNull;

/// Nothing is to be done: it is no ClientHello, or a bad one (counted by reason).
pub const DTLSV1_LISTEN_DROP: c_int = 0;
/// Send out[0..*out_len) to the peer, from the address that it wrote to, and forget it.
pub const DTLSV1_LISTEN_ANSWER: c_int = 1;
/// The peer is where it says, and `out` has its hello: for dtlsv1_listen_adopt().
pub const DTLSV1_LISTEN_ADMIT: c_int = 2;
/// A part of a fragmented hello whose cookie was right is kept: nothing is to be done yet.
pub const DTLSV1_LISTEN_KEPT: c_int = 3;
/// Bytes of the longest hello that is admitted, with its record header.
pub const DTLSV1_LISTEN_OUT_MAX: usize = 16_384 + 13;

/// Judges one datagram, without an SSL, a BIO or a socket: what DTLSv1_listen() does with each that it
/// reads.
///
/// No lock is taken, no heap memory, and no system call made but for the clock that the kernel keeps
/// in the process (time(2), in the vDSO); apart from the first call for `ctx`, one call whenever the
/// cookies' key or the secret file changes, the parts of fragmented hellos (DTLSV1_LISTEN_KEPT), and
/// the file that DTLSV1_LISTEN_STATS asks for. Any number of threads may call it with one `ctx`.
///
/// `ctx`: a DTLS server's. Cookies are the built-in ones, whatever callbacks it has, and they serve
/// DTLSv1_listen() too where it uses built-in ones. No callback of the program's is called.
///
/// `datagram`, `len`: as it came. It stays the caller's; `out` may be the same memory.
///
/// `peer`, `peer_len`: who sent it, any struct sockaddr, as recvfrom(2) gives it. The cookie vouches
/// for its address and port: give the same for both of a client's hellos.
///
/// `out`, `out_len`: where the answer or the hello goes; `*out_len` is the room there, in bytes, and on
/// return how many were written, 0 for DTLSV1_LISTEN_DROP and DTLSV1_LISTEN_KEPT. 60 bytes are enough
/// for an answer, DTLSV1_LISTEN_OUT_MAX for any hello. An answer is never longer than the datagram.
/// For DTLSV1_LISTEN_ADMIT it is the datagram's first record alone, or the hello that was put together
/// from fragments as one record.
///
/// Returns DTLSV1_LISTEN_DROP, DTLSV1_LISTEN_ANSWER, DTLSV1_LISTEN_ADMIT or DTLSV1_LISTEN_KEPT; or -1
/// with the reason queued and nothing written: NULL, a negative `len` (recvfrom(2) failed), `peer_len` not
/// the length of such an address, a peer without an address (AF_UNSPEC), no DTLS server's SSL_CTX,
/// DTLSV1_LISTEN_COOKIES_APP, no secret, too little room; or without a reason, if the caller's libssl is one that is not served. The error
/// queue is not emptied, and nothing is queued for what a peer sent.
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX; `datagram` is NULL or readable for `len` bytes, `peer` NULL or
/// readable for `peer_len`, `out_len` NULL or readable and writable, `out` NULL or writable for
/// `*out_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_datagram(
    ctx: *mut SSL_CTX,
    datagram: *const c_uchar,
    len: usize,
    peer: *const sockaddr,
    peer_len: socklen_t,
    out: *mut c_uchar,
    out_len: *mut usize,
) -> c_int {
    // SAFETY: by this function's contract.
    let known = NonNull::new(ctx).and_then(|ctx| unsafe { Context::known(ctx) });
    let Some(libssl) = known.map(|(ctx, _)| ctx.libssl()).or_else(callers_libssl) else {
        return -1;
    };
    // SAFETY: by this function's contract.
    let datagram = unsafe { bytes(datagram, len) };
    // SAFETY: by this function's contract.
    let address = unsafe { readable(peer.cast(), peer_len as usize) };
    let (out, out_len) = (NonNull::new(out), NonNull::new(out_len));
    announce(libssl);
    let known = match known {
        Some(known) if known.1.is_without_ssl() => Ok(known),
        // SAFETY: by this function's contract; who calls has it from its own libssl.
        _ => first_seen(unsafe { SslCtx::from_c(ctx, libssl) }),
    };
    let verdict = guard(|| {
        let known = known?;
        let datagram = datagram?;
        let out = out.ok_or(Fault::NullArgument)?;
        let out_len = out_len.ok_or(Fault::NullArgument)?;
        let address = address.ok_or(Fault::NullArgument)?;
        let mut peer = Peer::nobody();
        let peer = peer.set(address).ok_or(Fault::NoPeer)?;
        // SAFETY: readable, by this function's contract.
        let room = unsafe { out_len.read() };
        let tally = stats::tally();
        let mut answer = HelloVerifyRequest::blank();
        let verdict = judge(known, datagram, peer, room, &tally, &mut answer)?;
        let (number, what) = match &verdict {
            Verdict::Drop => (DTLSV1_LISTEN_DROP, &[][..]),
            Verdict::Answer(answer) => (DTLSV1_LISTEN_ANSWER, *answer),
            Verdict::Admit(hello) => (DTLSV1_LISTEN_ADMIT, hello.record()),
            Verdict::Kept => (DTLSV1_LISTEN_KEPT, &[][..]),
        };
        let (from, n) = (NonNull::from(what).cast::<c_uchar>(), what.len());
        // SAFETY: there is room for as many, by this function's contract. It may be in the datagram,
        // which is not looked at any more.
        unsafe { out.copy_from(from, n) };
        // SAFETY: writable, by this function's contract.
        unsafe { out_len.write(n) };
        Ok(number)
    });
    verdict.unwrap_or_else(|fault| failed(libssl, fault))
}

/// Gives a hello that was admitted to an SSL, so that SSL_accept() goes on from it.
///
/// `ssl`: a DTLS server's, with a read and a write BIO of any kind. It is cleared. The BIOs are not
/// read from or written to. (LibreSSL: its handshake may write an alert, and read-ahead is switched
/// on.) It may be used by one thread at a time.
///
/// `hello`, `len`: what DTLSV1_LISTEN_ADMIT left in `out`, or the datagram that was admitted, if the
/// hello came in one. Its cookie is checked again, so nothing unverified reaches libssl. It is good as
/// long as the cookie is, one to two lifetimes (dtlsv1_listen_set_cookie_lifetime()), also if its secret
/// was replaced meanwhile: as in DTLSv1_listen(), what was in force is accepted for two lifetimes more.
/// A secret that `ssl`'s SSL_CTX never had gives 0. It stays the caller's.
///
/// `peer`, `peer_len`: as they were given to dtlsv1_listen_datagram().
///
/// Returns 1: call SSL_accept(). 0: it is not, or no longer, a hello of that peer with a right cookie;
/// the SSL is as SSL_clear() leaves it and may be used again; nothing is queued. -1 with the reason
/// queued: NULL, a negative `len`, a wrong `peer_len`, no BIO, no DTLS server,
/// DTLSV1_LISTEN_COOKIES_APP, no secret, no memory; with LibreSSL, also a hello that it could not agree
/// with, which is the client's doing. What the error queue held before stays there, without its texts.
///
/// With OpenSSL 3.2 to 4.0, if the record number of the hello is 2 or more, the SSL's write BIO gets one
/// of the library's in front that sets ServerHello's record numbers right (DTLSV1_LISTEN_REPAIR_SEQUENCE).
/// SSL_get_wbio() gives yours. A program that has loaded this library with dlopen(3) sees it there: it
/// passes on every control and holds the reference that the SSL had to your BIO, so do not give that to
/// SSL_set_bio() once more without a reference of its own.
///
/// # Safety
///
/// `ssl` is NULL or a live SSL that no other thread is using; `hello` is NULL or readable for `len`
/// bytes, `peer` NULL or readable for `peer_len`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_adopt(
    ssl: *mut SSL,
    hello: *const c_uchar,
    len: usize,
    peer: *const sockaddr,
    peer_len: socklen_t,
) -> c_int {
    let Some(libssl) = callers_libssl() else { return -1 };
    // SAFETY: by this function's contract; who calls has the SSL from its own libssl.
    match unsafe { run_adopt(libssl, ssl, hello, len, peer, peer_len) } {
        Ok(adopted) => adopted.into(),
        Err(fault) => failed(libssl, fault),
    }
}

/// # Safety
///
/// dtlsv1_listen_adopt()'s, and the SSL is this libssl's.
unsafe fn run_adopt(
    libssl: &'static Libssl,
    ssl: *mut SSL,
    hello: *const c_uchar,
    len: usize,
    peer: *const sockaddr,
    peer_len: socklen_t,
) -> Result<bool, Fault> {
    let ssl = NonNull::new(ssl).ok_or(Fault::NullArgument)?;
    // SAFETY: not null, and live by this function's contract.
    let ssl = unsafe { Ssl::new(ssl, libssl) };
    // SAFETY: by this function's contract.
    let hello = unsafe { bytes(hello, len) }?;
    // SAFETY: by this function's contract.
    let address = unsafe { readable(peer.cast(), peer_len as usize) }.ok_or(Fault::NullArgument)?;
    let mut peer = Peer::nobody();
    let peer = peer.set(address).ok_or(Fault::NoPeer)?;
    announce(libssl);
    adopt(ssl, hello, peer, &stats::tally())
}

#[cold]
fn first_seen<'a>(ctx: Option<SslCtx>) -> Result<(SslCtx, &'a Context), Fault> {
    let ctx = ctx.ok_or(Fault::NullArgument)?;
    let context = Context::of(ctx)?;
    context.goes_without_ssl(ctx)?;
    ctx.ask_method(context);
    Ok((ctx, context))
}

/// The libssl that whoever calls uses, if it is one that is served.
#[cold]
fn callers_libssl() -> Option<&'static Libssl> {
    let call = Call::of_our_own();
    let libssl = call.libssl();
    if libssl.is_none() {
        call.say_that_it_is_not_served();
    }
    libssl
}

#[cold]
fn failed(libssl: &Libssl, fault: Fault) -> c_int {
    queue_fault(libssl, fault);
    -1
}

/// As much of a datagram as is read of one where there is a BIO. What recvfrom(2) says when it has
/// none, -1, is no length: what is there is an earlier one.
///
/// # Safety
///
/// `at` is null or readable for `len` bytes, and nobody writes there meanwhile.
#[inline(always)]
unsafe fn bytes<'a>(at: *const c_uchar, len: usize) -> Result<&'a [u8], Fault> {
    if isize::try_from(len).is_err() {
        return Err(Fault::NegativeLength);
    }
    // SAFETY: by this function's contract.
    unsafe { readable(at, len.min(CAPACITY)) }.ok_or(Fault::NullArgument)
}

/// # Safety
///
/// As above, and `len` is that of an object.
unsafe fn readable<'a>(at: *const c_uchar, len: usize) -> Option<&'a [u8]> {
    let at = NonNull::new(at.cast_mut())?;
    // SAFETY: by this function's contract.
    Some(unsafe { std::slice::from_raw_parts(at.as_ptr(), len) })
}
