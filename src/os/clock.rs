//! The clocks.

use std::time::Instant;
#[cfg(not(target_pointer_width = "64"))]
use std::time::SystemTime;

/// Seconds since 1970, by the wall clock: hosts that share a secret share this and nothing else.
///
/// time(2) is a look at what the kernel left in memory at its last tick. The standard library's
/// clock reads the processor's counter too, and costs 150 instructions more.
#[cfg(target_pointer_width = "64")]
#[allow(unsafe_code)]
pub(crate) fn unix_seconds() -> u64 {
    // SAFETY: NULL, so it writes nowhere.
    let now = unsafe { libc::time(std::ptr::null_mut()) };
    u64::try_from(now).unwrap_or(0)
}

/// Seconds since 1970, by the wall clock: hosts that share a secret share this and nothing else.
///
/// time(2)'s of 32 bits end in 2038. The standard library's do not, where the system has others.
#[cfg(not(target_pointer_width = "64"))]
pub(crate) fn unix_seconds() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// Seconds since the system was started, those in which it slept among them. Nobody sets this clock.
pub(crate) fn boot_seconds() -> u64 {
    #[cfg(test)]
    if let Some(seconds) = tests::BOOT_SECONDS.get() {
        return seconds;
    }
    read_boot_seconds()
}

#[allow(unsafe_code)]
fn read_boot_seconds() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable.
    unsafe { libc::clock_gettime(CLOCK, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0)
}

/// A clock that nobody sets, for how long something takes.
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Seconds of that clock, as the kernel wrote them down at its last tick: cheap enough for every
/// datagram.
#[allow(unsafe_code)]
pub(crate) fn coarse_seconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    // SAFETY: `now` is writable; the call cannot fail for a clock that every such system has.
    unsafe { libc::clock_gettime(CLOCK, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// What [`super::boot_seconds`] gives this thread, in place of the system's.
        pub(crate) static BOOT_SECONDS: Cell<Option<u64>> = const { Cell::new(None) };
    }

    #[test]
    fn the_clock_that_nobody_sets_goes_on() {
        let before = super::boot_seconds();
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        assert!(super::boot_seconds() > before);
    }
}
