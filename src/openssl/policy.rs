//! Whose cookies an SSL_CTX uses: what was chosen and set comes to callbacks in libssl.

use super::app_callbacks::AppCallbacks;
use super::context::{Choice, Context};
use super::ssl::SslCtx;
use super::trampolines;
use crate::hello::error::Fault;
use crate::os::notice;
use crate::panic_guard::guard;
use crate::service::settings::{Defaults, Policy};
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

impl Context {
    /// Chooses a policy, and puts into libssl the callbacks that it needs.
    pub(crate) fn set_policy(&self, ctx: SslCtx, policy: Policy) {
        let mut choice = self.choice.lock();
        choice.policy = Some(policy);
        self.settle(ctx, &choice);
    }

    /// Takes note of what the application set, by `change`.
    pub(crate) fn app_sets(&self, ctx: SslCtx, change: impl FnOnce(&AppCallbacks)) {
        let choice = self.choice.lock();
        change(&self.app);
        self.settle(ctx, &choice);
    }

    /// From the first call to `DTLSv1_listen` on, an SSL_CTX without callbacks has ours.
    #[inline]
    pub(crate) fn listens(&self, ctx: SslCtx) -> Result<(), Fault> {
        if self.ready.load(Acquire) { Ok(()) } else { self.begins_to_listen(ctx) }
    }

    #[cold]
    fn begins_to_listen(&self, ctx: SslCtx) -> Result<(), Fault> {
        guard(|| {
            let mut choice = self.choice.lock();
            choice.listened = true;
            self.settle(ctx, &choice);
            let chosen = choice.policy.unwrap_or(Defaults::read().policy);
            drop(choice);
            self.tell(chosen);
            Ok(())
        })
    }

    /// Says what the policy came to where that is asked for, or not to be expected: once a process.
    fn tell(&self, policy: Policy) {
        /// The same of other SSL_CTXs is no news.
        static TOLD: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];
        let defaults = Defaults::read();
        let [of_builtin, of_app] = &TOLD;
        let told = if self.uses_builtin() { of_builtin } else { of_app };
        if told.swap(true, Relaxed) {
            return;
        }
        if defaults.trace {
            notice(format_args!(
                "cookies {}: {}",
                policy.name(),
                match (policy, self.uses_builtin()) {
                    (Policy::Auto, true) => "built in, as the program has set no callbacks",
                    (Policy::Auto, false) => "the program's, as it has set callbacks",
                    (_, true) => "built in",
                    (_, false) => "the program's",
                },
            ));
        }
        let for_builtin = [
            ("SECRET_FILE", "secret", defaults.secret_file.is_some()),
            ("COOKIE_LIFETIME", "lifetime", defaults.lifetime.is_some()),
        ];
        for (name, what, is_set) in for_builtin {
            if is_set && !self.uses_builtin() {
                notice(format_args!(
                    "DTLSV1_LISTEN_{name} is not used: the program makes its own cookies (policy \
                     {}). DTLSV1_LISTEN_COOKIES=builtin has them made here, with that {what}",
                    policy.name(),
                ));
            }
        }
    }

    /// From the first datagram on that came without an SSL, libssl can be given hellos whose cookies
    /// were made here, whatever the application set. An error where all cookies are to be the
    /// application's: there is no SSL to call it with.
    #[inline]
    pub(crate) fn goes_without_ssl(&self, ctx: SslCtx) -> Result<(), Fault> {
        if self.is_without_ssl() { Ok(()) } else { self.begins_without_ssl(ctx) }
    }

    /// Did that work?
    #[inline]
    pub(crate) fn is_without_ssl(&self) -> bool {
        self.without_ssl.load(Acquire)
    }

    #[cold]
    fn begins_without_ssl(&self, ctx: SslCtx) -> Result<(), Fault> {
        guard(|| {
            let mut choice = self.choice.lock();
            if choice.policy.unwrap_or(Defaults::read().policy) == Policy::App {
                return Err(Fault::AppCookies);
            }
            (choice.listened, choice.without_ssl) = (true, true);
            self.settle(ctx, &choice);
            let chosen = choice.policy.unwrap_or(Defaults::read().policy);
            drop(choice);
            tell_without_ssl(chosen);
            Ok(())
        })
    }

    /// Called with the choice locked, so that two threads cannot leave libssl with one's callbacks
    /// and us with the other's decision. Until all is done an SSL_CTX that listens is not ready, also
    /// in a child of a process that forked in between.
    fn settle(&self, ctx: SslCtx, choice: &Choice) {
        self.ready.store(false, Release);
        self.without_ssl.store(false, Release);
        let (generate, verify) = (self.app.generate().is_some(), self.app.verify().is_some());
        let policy = choice.policy.unwrap_or(Defaults::read().policy);
        let builtin = match policy {
            Policy::App => false,
            Policy::Builtin => true,
            Policy::Auto => !generate && !verify && choice.listened,
        };
        self.builtin.store(builtin, Relaxed);
        let without_ssl = choice.without_ssl && policy != Policy::App;
        let ours = builtin || without_ssl;
        trampolines::install(ctx, generate || ours, verify || ours);
        self.without_ssl.store(without_ssl, Release);
        self.ready.store(choice.listened, Release);
    }
}

/// The same as [`Context::tell`] of datagrams that come without an SSL.
fn tell_without_ssl(policy: Policy) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if Defaults::read().trace && !TOLD.swap(true, Relaxed) {
        notice(format_args!(
            "cookies {}: built in for datagrams and listeners, which have no SSL to ask callbacks with",
            policy.name(),
        ));
    }
}
