//! Has anybody else a socket on the same address? A program on a group decides for all of it, so a
//! group that others are in is left alone.

mod diag;
mod table;

use super::socket::Socket;
use crate::os::status;

/// False as well where the kernel does not say.
pub(super) fn is_alone(socket: &Socket) -> bool {
    let (Ok(local), Some(own)) = (socket.local(), inode(socket)) else { return false };
    let seen =
        diag::seen(&local, socket.family, own).or_else(|| table::seen(&local, socket.family, own));
    seen == Some(Seen { own: true, other: false })
}

/// Which sockets have the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    own: bool,
    other: bool,
}

impl Seen {
    /// One more, by its inode, if there is one.
    fn add<T: PartialEq>(&mut self, inode: Option<T>, own: T) {
        if let Some(inode) = inode {
            let is_own = inode == own;
            self.own |= is_own;
            self.other |= !is_own;
        }
    }
}

#[allow(clippy::unnecessary_cast, reason = "32 bits on some systems")]
fn inode(socket: &Socket) -> Option<u64> {
    status(socket.fd()).map(|status| status.st_ino as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::address::{Address, Family, Ip};
    use std::net::UdpSocket;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    fn shared(at: &Address) -> Socket {
        let mut socket = Socket::new(Family::V4).unwrap();
        if at.port != 0 {
            socket.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1).unwrap();
        }
        socket.bind(&at.to_sockaddr(Family::V4).unwrap()).unwrap();
        // Not before, where the kernel chooses the port: it would take one that others share.
        socket.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1).unwrap();
        socket
    }

    #[test]
    fn both_ways_see_the_same() {
        for (ip, family) in [(Ip::v4([127, 0, 0, 1]), Family::V4), (Ip::v4([0; 4]), Family::V4)] {
            let one = shared(&Address { ip, scope: 0, port: 0 });
            let local = one.local().unwrap();
            let look = || {
                let own = inode(&one).unwrap();
                let told = diag::seen(&local, family, own);
                // Beside the test below, whose sockets come and go, the table may pass one over.
                let mut looks = (0..100).map(|_| table::seen(&local, family, own));
                assert!(looks.any(|look| look == told), "{told:?}");
                told.unwrap()
            };
            assert_eq!(look(), Seen { own: true, other: false });
            let other = shared(&local);
            assert_eq!(look(), Seen { own: true, other: true });
            drop(other);
            assert_eq!(look(), Seen { own: true, other: false });
            let nobodys = Address { port: local.port ^ 1, ..local };
            assert!(!diag::seen(&nobodys, family, 0).unwrap().own);
        }
    }

    #[test]
    fn sockets_that_come_and_go_change_nothing() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let some = (0..40).map(|_| UdpSocket::bind("127.0.0.1:0").ok());
                        drop(some.collect::<Vec<_>>());
                    }
                });
            }
            let mut wrong = 0;
            for _ in 0..200 {
                let one = shared(&Address { ip: Ip::v4([127, 0, 0, 1]), scope: 0, port: 0 });
                wrong += usize::from(!is_alone(&one));
                let two = shared(&one.local().unwrap());
                wrong += usize::from(is_alone(&one)) + usize::from(is_alone(&two));
            }
            stop.store(true, Relaxed);
            assert_eq!(wrong, 0);
        });
    }
}
