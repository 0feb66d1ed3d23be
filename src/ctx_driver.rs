//! What a step asks where there is no SSL yet: the built-in cookies of an SSL_CTX, and the peer that
//! the caller names.

use crate::hello::cookie::{Binding, Check};
use crate::hello::error::Fault;
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Observer};
use crate::hello::peer::Peer;
use crate::hello::reassembly::Outcome;
use crate::hello::step::{Driver, Fragments};
use crate::hello::wire::{ClientHello, Fragment};
use crate::openssl::{Context, Ssl, SslCtx};
use crate::os::unix_seconds;
use crate::service::repairs::Repairs;
use crate::stats::Tally;

/// Serves one datagram.
pub(crate) struct CtxDriver<'a, 'p> {
    pub(crate) ctx: SslCtx,
    pub(crate) context: &'a Context,
    /// `None`: it was counted before.
    pub(crate) tally: Option<&'a Tally>,
    pub(crate) peer: &'p Peer,
}

impl CtxDriver<'_, '_> {
    fn look(&self, hello: &ClientHello<'_>) -> Result<Check, Fault> {
        let binding = Binding::hello(self.peer, hello);
        self.context.keys.check(unix_seconds(), hello.cookie, &binding)
    }
}

impl Observer for CtxDriver<'_, '_> {}

impl Cookies for CtxDriver<'_, '_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        let check = self.look(hello)?;
        if let Some(tally) = self.tally {
            tally.count_check(check);
        }
        Ok(matches!(check, Check::Right { .. }))
    }

    #[inline(always)]
    fn make(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        self.context.reassembly.expire_if_due();
        let binding = Binding::hello(self.peer, hello);
        let room = cookie.first_chunk_mut().ok_or(Fault::Internal)?;
        self.context.keys.make_in(room, unix_seconds(), &binding)?;
        Ok(binding.cookie_len())
    }
}

impl Fragments for CtxDriver<'_, '_> {
    #[cold]
    fn first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        if !self.context.repairs.has(Repairs::FRAGMENTS) {
            return Outcome::Refused;
        }
        self.context.reassembly.first(self.peer, admitted, datagram)
    }

    #[cold]
    fn rest(&mut self, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let reassembly = &self.context.reassembly;
        if reassembly.is_idle() || !self.context.repairs.has(Repairs::FRAGMENTS) {
            return Outcome::Refused;
        }
        reassembly.rest(self.peer, fragment, datagram)
    }

    #[cold]
    fn longest(&mut self) -> u32 {
        self.ctx.longest_hello()
    }
}

impl<'p> Driver<'p> for CtxDriver<'_, 'p> {
    fn peer(&self) -> Option<&'p Peer> {
        Some(self.peer)
    }
}

/// Looks once more at a hello that was admitted before, for an SSL. It was counted then, if it was
/// right; and nothing is put together from it.
pub(crate) struct Recheck<'a, 'p> {
    pub(crate) ssl: Ssl,
    pub(crate) tally: &'a Tally,
    pub(crate) driver: CtxDriver<'a, 'p>,
}

impl Observer for Recheck<'_, '_> {}

impl Cookies for Recheck<'_, '_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        let check = self.driver.look(hello)?;
        let right = matches!(check, Check::Right { .. });
        if !right {
            self.tally.count_check(check);
        }
        Ok(right)
    }

    /// Nobody is answered: an empty cookie will do.
    fn make(
        &mut self,
        _hello: &ClientHello<'_>,
        _cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        Ok(0)
    }
}

impl Fragments for Recheck<'_, '_> {
    fn first(&mut self, _admitted: &Admitted<'_>, _datagram: &[u8]) -> Outcome {
        Outcome::Refused
    }

    fn rest(&mut self, _fragment: &Fragment<'_>, _datagram: &[u8]) -> Outcome {
        Outcome::Refused
    }

    fn longest(&mut self) -> u32 {
        self.ssl.longest_hello()
    }
}

impl<'p> Driver<'p> for Recheck<'_, 'p> {
    fn peer(&self) -> Option<&'p Peer> {
        self.driver.peer()
    }
}
