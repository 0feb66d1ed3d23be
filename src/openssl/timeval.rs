//! A `struct timeval` that libssl writes. On 32 bits it may have been built to count time in 32 bits or
//! in 64, whatever this library's C types say: Debian 13's on armhf has 64, its i386 has 32.

use std::time::Duration;

/// What no half of a timeval is after libssl wrote it: microseconds are less than a million.
const UNTOUCHED: [u8; HALF] = [0xff; HALF];

const HALF: usize = 8;

/// Room for either kind.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeval {
    first: [u8; HALF],
    second: [u8; HALF],
}

impl Timeval {
    pub(crate) const fn new() -> Self {
        Self { first: UNTOUCHED, second: UNTOUCHED }
    }

    /// What was written to it; nothing for what is negative.
    pub(crate) fn duration(self) -> Duration {
        let (seconds, micros) = if self.second == UNTOUCHED {
            let [a, b, c, d, e, f, g, h] = self.first;
            (i32::from_ne_bytes([a, b, c, d]).into(), i32::from_ne_bytes([e, f, g, h]).into())
        } else {
            (i64::from_ne_bytes(self.first), i64::from_ne_bytes(self.second))
        };
        let micros = u32::try_from(micros).unwrap_or(0);
        Duration::new(u64::try_from(seconds).unwrap_or(0), micros.saturating_mul(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Duration {
        let mut room = Timeval::new();
        let all = [room.first, room.second];
        let mut all = all.as_flattened().to_vec();
        all[..bytes.len()].copy_from_slice(bytes);
        room.first.copy_from_slice(&all[..HALF]);
        room.second.copy_from_slice(&all[HALF..]);
        room.duration()
    }

    #[test]
    fn time_is_counted_in_64_bits_or_in_32() {
        let wanted = Duration::from_micros(2_999_999);
        let wide = [2_i64.to_ne_bytes(), 999_999_i64.to_ne_bytes()];
        assert_eq!(of(wide.as_flattened()), wanted);
        let narrow = [2_i32.to_ne_bytes(), 999_999_i32.to_ne_bytes()];
        assert_eq!(of(narrow.as_flattened()), wanted);
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(of(&[0; 8]), Duration::ZERO);
        assert_eq!(of(&[0; 16]), Duration::ZERO);
        let past = [(-1_i64).to_ne_bytes(), 5_i64.to_ne_bytes()];
        assert_eq!(of(past.as_flattened()), Duration::from_micros(5));
    }

    #[test]
    fn it_has_room_for_c_s() {
        assert!(size_of::<Timeval>() >= size_of::<libc::timeval>());
        assert!(size_of::<Timeval>() >= 16 && align_of::<Timeval>() >= align_of::<libc::timeval>());
    }
}
