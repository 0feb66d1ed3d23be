//! What a step asks while an SSL listens: cookies from whoever makes them for its SSL_CTX, the peer
//! from its BIO, and its message callback.

use crate::hello::cookie::{Binding, Check};
use crate::hello::error::Fault;
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Fragments, Observer};
use crate::hello::peer::Peer;
use crate::hello::reassembly::Outcome;
use crate::hello::step::Driver;
use crate::hello::wire::{ClientHello, Fragment, RecordHeader};
use crate::openssl::{Bio, Current, MessageObserver, PeerOfSsl, PeerRoom, Ssl, app_callbacks};
use crate::os::{notice, unix_seconds};
use crate::panic_guard::{guard, guard_value};
use crate::service::repairs::Repairs;
use crate::stats::{Event, Tally};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Serves one datagram.
pub(crate) struct SslDriver<'a> {
    pub(crate) ssl: Ssl,
    pub(crate) current: &'a mut Current,
    pub(crate) rbio: Bio,
    pub(crate) tally: &'a Tally,
    /// Asked for at most once, and only when needed.
    peer: PeerOfSsl<'a>,
}

impl<'a> SslDriver<'a> {
    #[inline(always)]
    pub(crate) fn new(
        ssl: Ssl,
        current: &'a mut Current,
        rbio: Bio,
        tally: &'a Tally,
        room: &'a mut PeerRoom,
    ) -> Self {
        Self { ssl, current, rbio, tally, peer: PeerOfSsl::unasked(room) }
    }

    #[inline(always)]
    pub(crate) fn peer(&mut self) -> Option<&mut Peer> {
        self.peer.ask(self.ssl, self.rbio)
    }

    /// Before the context is looked at: a BIO of the program's may give the SSL another.
    fn ask_peer_if_builtin(&mut self) {
        if self.current.was_builtin() {
            self.peer();
        }
    }

    /// The policy has changed since.
    #[cold]
    fn make_again(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        self.peer();
        self.make(hello, cookie)
    }

    /// Where built-in cookies are wanted and nobody knows whose: the program's callbacks may.
    #[cold]
    fn leave_to_program(&mut self) -> Result<(), Fault> {
        if !self.current.get()?.app.has_any() {
            return Err(Fault::PeerUnknown);
        }
        self.tally.count(Event::PeerUnknown);
        say_once();
        Ok(())
    }

    /// Are fragments put together here? Applications look into BIOs of their own.
    fn reassembles(&mut self) -> bool {
        let wanted =
            self.current.get().is_ok_and(|context| context.repairs.has(Repairs::FRAGMENTS));
        wanted && self.rbio.is_datagram()
    }
}

impl Observer for SslDriver<'_> {
    #[inline(always)]
    fn record_seen(&mut self, header: &RecordHeader) {
        if let Some(observer) = MessageObserver::of(self.ssl) {
            observer.header_in(header);
        }
    }

    #[inline(always)]
    fn hello_seen(&mut self, message: &[u8]) {
        if let Some(observer) = MessageObserver::of(self.ssl) {
            observer.hello_in(message);
        }
    }
}

impl Cookies for SslDriver<'_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        self.ask_peer_if_builtin();
        let context = self.current.get()?;
        if context.uses_builtin() {
            if let Some(peer) = self.peer.known() {
                let binding = Binding::hello(peer, hello);
                let check = context.keys.check(unix_seconds(), hello.cookie, &binding)?;
                self.tally.count_check(check);
                return Ok(matches!(check, Check::Right { .. }));
            }
            if !self.peer.was_asked() {
                return self.check(hello);
            }
            self.leave_to_program()?;
        }
        let callback = self.current.get()?.app.verify();
        let right = app_callbacks::verify(self.ssl, callback, hello.cookie)?;
        self.tally.count_verdict(right);
        Ok(right)
    }

    #[inline(always)]
    fn make(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        self.ask_peer_if_builtin();
        let context = self.current.get()?;
        if context.uses_builtin() {
            context.reassembly.expire_if_due();
            if let Some(peer) = self.peer.known() {
                let binding = Binding::hello(peer, hello);
                let room = cookie.first_chunk_mut().ok_or(Fault::Internal)?;
                context.keys.make_in(room, unix_seconds(), &binding)?;
                return Ok(binding.cookie_len());
            }
            if !self.peer.was_asked() {
                return self.make_again(hello, cookie);
            }
            self.leave_to_program()?;
        }
        let callback = self.current.get()?.app.generate();
        // What was made for others stays here.
        cookie.fill(0);
        app_callbacks::generate(self.ssl, callback, cookie)
    }
}

/// One line, whatever has to be left to the program.
fn say_once() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Relaxed) {
        guard_value((), || {
            notice(format_args!(
                "built-in cookies are bound to the peer, and a BIO of this program's does not know \
                 it: there the program's own cookie callbacks are used"
            ));
        });
    }
}

impl Fragments for SslDriver<'_> {
    #[cold]
    fn first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        if !self.reassembles() {
            return Outcome::Refused;
        }
        let Some(peer) = self.peer().copied().filter(|peer| !peer.is_unspecified()) else {
            return Outcome::Refused;
        };
        let Ok(context) = self.current.get() else { return Outcome::Refused };
        guard(|| Ok(context.reassembly.first(&peer, admitted, datagram)))
            .unwrap_or(Outcome::Refused)
    }

    #[cold]
    fn rest(&mut self, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let idle = self.current.get().map_or(true, |context| context.reassembly.is_idle());
        if idle || !self.reassembles() {
            return Outcome::Refused;
        }
        let Some(peer) = self.peer().copied() else { return Outcome::Refused };
        let Ok(context) = self.current.get() else { return Outcome::Refused };
        guard(|| Ok(context.reassembly.rest(&peer, fragment, datagram))).unwrap_or(Outcome::Refused)
    }

    #[cold]
    fn longest(&mut self) -> u32 {
        self.ssl.longest_hello()
    }
}

/// The peer is the BIO's to tell: libssl asks it too.
impl<'p> Driver<'p> for SslDriver<'_> {
    fn peer(&self) -> Option<&'p Peer> {
        None
    }
}
