//! How the system lays out a `struct sockaddr`.

use std::mem::offset_of;

/// Room for every address that Linux knows; `struct sockaddr_storage` is as large.
pub const MAX_ADDRESS_LEN: usize = 128;

/// Where a `struct sockaddr` has its family: in its first two bytes on Linux, in the second one on
/// BSD, whose first is the length.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    family_at: usize,
    family_len: usize,
}

/// As the system's headers have it.
pub(super) const HERE: Layout = Layout {
    family_at: offset_of!(libc::sockaddr, sa_family),
    family_len: size_of::<libc::sa_family_t>(),
};

impl Layout {
    pub(super) const fn family(self, bytes: &[u8; MAX_ADDRESS_LEN]) -> u16 {
        let &[a, b, ..] = bytes;
        match self {
            Self { family_at: 0, family_len: 1 } => a as u16,
            Self { family_len: 1, .. } => b as u16,
            _ => u16::from_ne_bytes([a, b]),
        }
    }
}

// What is read below at these places is there on every system, and a family within the first two bytes.
const _: () = {
    assert!(HERE.family_at + HERE.family_len == 2 || HERE.family_at == 0 && HERE.family_len == 1);
    assert!(offset_of!(libc::sockaddr_in, sin_port) == 2);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == 4);
    assert!(offset_of!(libc::sockaddr_in6, sin6_port) == 2);
    assert!(offset_of!(libc::sockaddr_in6, sin6_addr) == 8);
    assert!(offset_of!(libc::sockaddr_in6, sin6_scope_id) == 24);
    assert!(offset_of!(libc::sockaddr_un, sun_path) == 2);
};

#[cfg(test)]
mod tests {
    use super::*;

    const AF_INET: u16 = libc::AF_INET as u16;

    #[test]
    fn a_family_is_read_where_the_system_has_it() {
        let bytes = |start: [u8; 2]| {
            let mut bytes = [0; MAX_ADDRESS_LEN];
            bytes[..8].copy_from_slice(&[start[0], start[1], 0x16, 0x34, 10, 0, 0, 7]);
            bytes
        };
        let linux = Layout { family_at: 0, family_len: 2 };
        let bsd = Layout { family_at: 1, family_len: 1 };
        assert_eq!(linux.family(&bytes(AF_INET.to_ne_bytes())), AF_INET);
        // sa_len, sa_family
        assert_eq!(bsd.family(&bytes([16, AF_INET as u8])), AF_INET);
        assert_eq!(bsd.family(&bytes([28, 30])), 30);
        let here = if cfg!(target_os = "linux") { linux } else { bsd };
        assert_eq!((HERE.family_at, HERE.family_len), (here.family_at, here.family_len));
    }
}
