//! The network device and this host's addresses, and what of them would strand clients.

use crate::program::Place;
use crate::shared::Endpoint;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;

const ETHTOOL_GFLAGS: u32 = 0x25;
const RX_VLAN: u32 = 1 << 8;
const LRO: u32 = 1 << 15;

/// A device that frames with an Ethernet header come in by.
#[derive(Debug)]
pub struct Device {
    /// As the system calls it.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Is it `lo`?
    pub loopback: bool,
}

impl Device {
    /// Finds it; the reason where there is none that could be used.
    pub fn find(name: &str) -> Result<Self, String> {
        if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
            return Err(format!("{name:?} is no device's name"));
        }
        let at = directory(name);
        let number = |file: &str| fs::read_to_string(at.join(file)).ok()?.trim().parse().ok();
        let index =
            number("ifindex").ok_or(format!("there is no device {name} (see 'ip link')"))?;
        if index_of(name) != Some(index) {
            return Err("/sys is of another network namespace than this process: enter it with \
                        'ip netns exec'"
                .into());
        }
        let kind = number("type").unwrap_or(0);
        if kind != ETHERNET && kind != LOOPBACK {
            return Err(format!(
                "frames of {name} have no Ethernet header, and nothing else is understood"
            ));
        }
        Ok(Self { name: name.into(), index, loopback: kind == LOOPBACK })
    }

    /// Its hardware address; none once the device is gone.
    pub fn mac(&self) -> Option<[u8; 6]> {
        let text = fs::read_to_string(directory(&self.name).join("address")).ok()?;
        let mut mac = [0; 6];
        let mut digits = text.trim().split(':');
        for byte in &mut mac {
            *byte = u8::from_str_radix(digits.next()?, 16).ok()?;
        }
        (digits.next().is_none() && index_of(&self.name) == Some(self.index)).then_some(mac)
    }

    /// What speaks against a place here. tc sees what a device took off a frame, XDP does not.
    pub fn objection(&self, place: Place) -> Option<String> {
        let flags = self.ethtool_flags();
        let name = &self.name;
        if place == Place::Native && flags & LRO != 0 {
            return Some(format!(
                "{name} puts frames together (LRO), which XDP does not see: 'ethtool -K {name} lro off', \
                 or --mode tc"
            ));
        }
        if place != Place::Tc && flags & RX_VLAN != 0 {
            let above = self.vlan_above(&directory(name), 4)?;
            return Some(format!(
                "{name} takes VLAN tags off before XDP sees them, and {above} has clients in a \
                 VLAN: the answers would go out without. 'ethtool -K {name} rxvlan off', or --mode tc"
            ));
        }
        None
    }

    /// A VLAN device, or a bridge that filters VLANs, somewhere above.
    fn vlan_above(&self, at: &Path, depth: u32) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        for entry in fs::read_dir(at).ok()?.flatten() {
            let file = entry.file_name();
            let Some(upper) = file.to_str().and_then(|name| name.strip_prefix("upper_")) else {
                continue;
            };
            let at = directory(upper);
            let uevent = fs::read_to_string(at.join("uevent")).unwrap_or_default();
            let filtering =
                fs::read_to_string(at.join("bridge/vlan_filtering")).unwrap_or_default();
            if uevent.lines().any(|line| line == "DEVTYPE=vlan") || filtering.trim() == "1" {
                return Some(upper.into());
            }
            if let Some(above) = self.vlan_above(&at, depth) {
                return Some(above);
            }
        }
        None
    }

    /// 0 where the device does not say.
    fn ethtool_flags(&self) -> u32 {
        #[repr(C)]
        struct Value {
            command: u32,
            data: u32,
        }
        #[repr(C)]
        struct Request {
            name: [u8; libc::IFNAMSIZ],
            data: *mut Value,
            unused: [u64; 2],
        }
        const SIOCETHTOOL: libc::c_ulong = 0x8946;
        let Ok(socket) = UdpSocket::bind("127.0.0.1:0").or_else(|_| UdpSocket::bind("[::1]:0"))
        else {
            return 0;
        };
        let mut value = Value { command: ETHTOOL_GFLAGS, data: 0 };
        let mut request =
            Request { name: [0; libc::IFNAMSIZ], data: &raw mut value, unused: [0; 2] };
        for (to, from) in request.name.iter_mut().zip(self.name.bytes()).take(libc::IFNAMSIZ - 1) {
            *to = from;
        }
        // SAFETY: the request is as large as `struct ifreq`, its name ends in a zero, and its value is
        // what this command reads and writes.
        #[allow(unsafe_code)]
        let status = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        if status == 0 { value.data } else { 0 }
    }
}

fn directory(name: &str) -> PathBuf {
    Path::new("/sys/class/net").join(name)
}

fn index_of(name: &str) -> Option<u32> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: a string that ends in a zero.
    #[allow(unsafe_code)]
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// This host's addresses and its networks' broadcast ones.
pub fn own_addresses() -> BTreeSet<Endpoint> {
    let v4 = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let all = parse_v4(&v4).into_iter().map(IpAddr::V4);
    let all = all.chain(parse_v6(&v6).into_iter().map(IpAddr::V6));
    // The map has room for so many.
    all.take(4000).map(|ip| Endpoint::from(SocketAddr::new(ip, 0))).collect()
}

fn parse_v4(text: &str) -> Vec<Ipv4Addr> {
    let (mut found, mut last) = (Vec::new(), None::<Ipv4Addr>);
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.starts_with("/32 ")
            && (line.ends_with(" LOCAL") || line.ends_with(" BROADCAST"))
        {
            found.extend(last);
        }
    }
    found
}

fn parse_v6(text: &str) -> Vec<Ipv6Addr> {
    let digits = text.lines().filter_map(|line| line.split_whitespace().next());
    digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok()).map(Ipv6Addr::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_kernels_tables() {
        let trie = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.0\n        /24 link UNICAST\n     \
                    |-- 192.0.2.1\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n     \
                    |-- 198.51.100.0\n        /32 universe UNICAST\n";
        assert_eq!(parse_v4(trie), [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 255)]);
        let v6 = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(parse_v6(v6), [Ipv6Addr::LOCALHOST]);
    }

    #[test]
    fn this_hosts_own_are_found() {
        let lo = Device::find("lo").unwrap();
        assert!(lo.loopback && lo.index > 0);
        assert_eq!(lo.mac(), Some([0; 6]));
        assert_eq!(lo.objection(Place::Tc), None);
        let own = own_addresses();
        assert!(own.contains(&Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)))));
        assert!(Device::find("none-such").unwrap_err().contains("no device none-such"));
        assert!(Device::find("../lo").is_err());
    }
}
