//! The gate: which datagrams are hellos at all, and what is asked about those that are.
//!
//! Pure: no sockets, no clock, no randomness, no OpenSSL. The checks come in the order of
//! `DTLSv1_listen` in OpenSSL's `ssl/d1_lib.c`, so that the first one to fail, and with it the reason
//! that is queued, is the same.
//!
//! An [`Observer`] and the application's [`Cookies`] are foreign code, which may end the thread or
//! throw an exception: no `catch_unwind` may be on the stack then, and there is none here.

use crate::hello::error::{Discard, Fault};
use crate::hello::reassembly::Outcome;
use crate::hello::wire::{ClientHello, Fragment, Method, RECORD_HEADER_LEN, Record, RecordHeader};

pub use crate::hello::admitted::Admitted;
pub use crate::hello::wire::COOKIE_ROOM;

/// Makes and checks the cookies.
pub trait Cookies {
    /// Is this hello's cookie, which is not empty, right?
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault>;

    /// Writes a cookie for this hello and gives its length in bytes.
    fn make(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault>;
}

/// Is told what comes in, before anything is decided about it.
pub trait Observer {
    /// A datagram long enough to have a record header (OpenSSL's message callback, SSL3_RT_HEADER).
    fn record_seen(&mut self, _header: &RecordHeader) {}

    /// A fragment that can begin a hello (OpenSSL's message callback, SSL3_RT_HANDSHAKE).
    fn hello_seen(&mut self, _message: &[u8]) {}
}

/// Keeps the fragments of hellos that do not fit a datagram.
pub trait Fragments {
    /// Takes the first fragment of a hello, whose cookie was right. `datagram` begins with it.
    fn first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome;

    /// Takes any other fragment; `datagram` begins with its record.
    fn rest(&mut self, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome;

    /// Bytes of the longest hello that is put together at all, here or by libssl.
    fn longest(&mut self) -> u32;
}

/// What a datagram says.
pub(super) enum Incoming<'a> {
    /// A hello, or its first fragment.
    Hello(Hello<'a>),
    /// The rest of a hello whose first fragment came before: for whoever puts it together, else a
    /// [`Discard::Fragment`].
    Continuation(Fragment<'a>),
}

pub(super) struct Hello<'a> {
    pub(super) record: Record<'a>,
    pub(super) fragment: Fragment<'a>,
    pub(super) hello: ClientHello<'a>,
}

impl<'a> Hello<'a> {
    /// Its cookie is right. `datagram` is what it came in.
    #[inline(always)]
    pub(super) fn admitted(self, datagram: &'a [u8]) -> Admitted<'a> {
        let record_len = RECORD_HEADER_LEN.saturating_add(self.record.body.len());
        Admitted {
            record: datagram.get(..record_len).unwrap_or(datagram),
            sequence: self.record.sequence_number(),
            fragment: self.fragment,
            cookie: self.hello.cookie,
        }
    }
}

/// Reads a datagram, and tells the observer of it on the way.
#[inline(always)]
pub(super) fn read<'a>(
    datagram: &'a [u8],
    method: Method,
    observer: &mut (impl Observer + Fragments),
) -> Result<Incoming<'a>, Discard> {
    let (header, rest) = datagram.split_first_chunk().ok_or(Discard::RecordTooSmall)?;
    observer.record_seen(header);
    let record = Record::parse(header, rest)?;
    let fragment = Fragment::parse(record.body)?;
    if !fragment.is_first() {
        return Ok(Incoming::Continuation(fragment));
    }
    // libssl would say no to it after the cookie, and an SSL of 3.2.1 that is used again then reads
    // freed memory.
    if !fragment.is_whole() && fragment.message_len > observer.longest() {
        return Err(Discard::Fragment);
    }
    observer.hello_seen(fragment.message);
    let hello = ClientHello::of(&fragment, method)?;
    Ok(Incoming::Hello(Hello { record, fragment, hello }))
}
