//! The context of the SSL_CTX that an SSL has now.
//!
//! A program may give the SSL another SSL_CTX while a call of ours is under way, in a cookie or
//! message callback or in a BIO of its own, and the one before may be freed by that. So nothing of a
//! context is used across code of the program's: it is looked up again, as libssl does.

use super::context::Context;
use super::contexts::generation;
use super::ssl::Ssl;
use crate::hello::error::Fault;
use std::ptr::null;

/// What was found last, and what it was found for.
pub(crate) struct Current {
    ssl: Ssl,
    ctx: usize,
    generation: u64,
    context: *const Context,
    /// Were cookies made here when it was looked at last?
    builtin: bool,
}

impl Current {
    /// Nothing is found yet.
    #[inline(always)]
    pub(crate) const fn of(ssl: Ssl) -> Self {
        Self { ssl, ctx: 0, generation: 0, context: null(), builtin: false }
    }

    /// Finds it, and has its callbacks in libssl.
    #[inline(always)]
    pub(crate) fn find(&mut self) -> Result<&Context, Fault> {
        let generation = generation();
        let ctx = self.ssl.ctx().ok_or(Fault::Internal)?;
        let context = Context::of(ctx)?;
        context.listens(ctx)?;
        (self.ctx, self.generation, self.context) = (ctx.as_ptr().addr(), generation, context);
        self.builtin = context.uses_builtin();
        Ok(context)
    }

    /// The context as of now: valid until code of the program's runs.
    #[inline(always)]
    pub(crate) fn get(&mut self) -> Result<&Context, Fault> {
        let ctx = self.ssl.ctx().map_or(0, |ctx| ctx.as_ptr().addr());
        if ctx != self.ctx || generation() != self.generation {
            return self.find_again();
        }
        // SAFETY: it was found for the SSL_CTX that the SSL has, and none has been freed since.
        let context = unsafe { self.context.as_ref() }.ok_or(Fault::Internal)?;
        self.builtin = context.uses_builtin();
        Ok(context)
    }

    /// Were cookies made here when the context was looked at last?
    pub(crate) const fn was_builtin(&self) -> bool {
        self.builtin
    }

    #[cold]
    fn find_again(&mut self) -> Result<&Context, Fault> {
        self.find()
    }
}
