//! What a step asks where there is no SSL yet: the built-in cookies of an SSL_CTX, and the peer that
//! the caller names.

use crate::hello::cookie::{Binding, Check};
use crate::hello::error::Fault;
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Observer};
use crate::hello::peer::Peer;
use crate::hello::reassembly::Outcome;
use crate::hello::step::{Driver, Fragments};
use crate::hello::wire::{ClientHello, Fragment};
use crate::openssl::Context;
use crate::os::unix_seconds;
use crate::service::repairs::Repairs;
use crate::stats::Tally;

/// Serves one datagram.
pub(crate) struct CtxDriver<'a, 'p> {
    pub(crate) context: &'a Context,
    /// `None`: it was counted before.
    pub(crate) tally: Option<&'a Tally>,
    pub(crate) peer: &'p Peer,
    /// Bytes of the longest hello that an SSL of this SSL_CTX's takes.
    pub(crate) longest: u32,
}

impl Observer for CtxDriver<'_, '_> {}

impl Cookies for CtxDriver<'_, '_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        let binding = Binding::hello(self.peer, hello);
        let check = self.context.keys.check(unix_seconds(), hello.cookie, &binding)?;
        if let Some(tally) = self.tally {
            tally.count_check(check);
        }
        Ok(matches!(check, Check::Right { .. }))
    }

    fn make(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        self.context.reassembly.expire_if_due();
        let binding = Binding::hello(self.peer, hello);
        let made = self.context.keys.make(unix_seconds(), &binding)?;
        *cookie.first_chunk_mut().ok_or(Fault::Internal)? = made;
        Ok(binding.cookie_len())
    }
}

impl Fragments for CtxDriver<'_, '_> {
    fn first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        if !self.context.repairs.has(Repairs::FRAGMENTS) {
            return Outcome::Refused;
        }
        self.context.reassembly.first(self.peer, admitted, datagram)
    }

    fn rest(&mut self, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let reassembly = &self.context.reassembly;
        if reassembly.is_idle() || !self.context.repairs.has(Repairs::FRAGMENTS) {
            return Outcome::Refused;
        }
        reassembly.rest(self.peer, fragment, datagram)
    }

    fn longest(&mut self) -> u32 {
        self.longest
    }
}

impl<'p> Driver<'p> for CtxDriver<'_, 'p> {
    fn peer(&self) -> Option<&'p Peer> {
        Some(self.peer)
    }
}
