//! The network device and this host's addresses, and what of them would strand clients.

use crate::program::Place;
use crate::shared::Endpoint;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

const SYS: &str = "/sys/class/net";

const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;

const ETHTOOL_GDRVINFO: u32 = 0x03;
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

    /// What speaks against a place here, one that was asked for by name or not.
    pub fn objection(&self, place: Place, by_name: bool) -> Option<String> {
        let above = vlan_above(Path::new(SYS), &self.name, 4);
        let veth = self.driver() == b"veth";
        objection(&self.name, place, veth && !by_name, self.ethtool_flags(), above.as_deref())
    }

    /// 0 where the device does not say.
    fn ethtool_flags(&self) -> u32 {
        let [_, _, _, _, a, b, c, d] = self.ethtool::<8>(ETHTOOL_GFLAGS).unwrap_or_default();
        u32::from_ne_bytes([a, b, c, d])
    }

    /// What the driver calls itself; nothing where it does not say.
    fn driver(&self) -> Vec<u8> {
        let answer = self.ethtool::<196>(ETHTOOL_GDRVINFO).unwrap_or([0; 196]);
        answer.iter().skip(4).take(32).copied().take_while(|&b| b != 0).collect()
    }

    /// Asks the driver: a command's number, and what it writes behind it.
    fn ethtool<const N: usize>(&self, command: u32) -> Option<[u8; N]> {
        #[repr(C)]
        struct Request {
            name: [u8; libc::IFNAMSIZ],
            data: *mut u8,
            unused: [u64; 2],
        }
        const SIOCETHTOOL: libc::c_ulong = 0x8946;
        let socket = UdpSocket::bind("127.0.0.1:0").or_else(|_| UdpSocket::bind("[::1]:0")).ok()?;
        let mut answer = [0; N];
        *answer.first_chunk_mut()? = command.to_ne_bytes();
        let mut request =
            Request { name: [0; libc::IFNAMSIZ], data: answer.as_mut_ptr(), unused: [0; 2] };
        for (to, from) in request.name.iter_mut().zip(self.name.bytes()).take(libc::IFNAMSIZ - 1) {
            *to = from;
        }
        // SAFETY: the request is as large as `struct ifreq` and its name ends in a zero; its data is as
        // long as what the two commands that are asked write (`struct ethtool_value`, 8 bytes, and
        // `struct ethtool_drvinfo`, 196).
        #[allow(unsafe_code)]
        let status = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        (status == 0).then_some(answer)
    }
}

/// tc sees what a device took off a frame or put together, XDP does not.
fn objection(
    name: &str,
    place: Place,
    veth: bool,
    flags: u32,
    vlan_above: Option<&str>,
) -> Option<String> {
    if place == Place::Native && veth {
        return Some(format!(
            "{name} is a veth, whose far end takes XDP's answers only where it has an XDP program \
             too: --mode native, if it has"
        ));
    }
    if place == Place::Native && flags & LRO != 0 {
        return Some(format!(
            "{name} puts frames together (LRO), which XDP does not see: 'ethtool -K {name} lro off', \
             or --mode tc"
        ));
    }
    if place != Place::Tc && flags & RX_VLAN != 0 {
        let above = vlan_above?;
        return Some(format!(
            "{name} takes VLAN tags off before XDP sees them, and {above} has clients in a VLAN: \
             the answers would go out without. 'ethtool -K {name} rxvlan off', or --mode tc"
        ));
    }
    None
}

/// A VLAN device, or a bridge that filters VLANs, somewhere above.
fn vlan_above(sys: &Path, name: &str, depth: u32) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    for entry in fs::read_dir(sys.join(name)).ok()?.flatten() {
        let file = entry.file_name();
        let Some(upper) = file.to_str().and_then(|name| name.strip_prefix("upper_")) else {
            continue;
        };
        let at = sys.join(upper);
        let uevent = fs::read_to_string(at.join("uevent")).unwrap_or_default();
        let filtering = fs::read_to_string(at.join("bridge/vlan_filtering")).unwrap_or_default();
        if uevent.lines().any(|line| line == "DEVTYPE=vlan") || filtering.trim() == "1" {
            return Some(upper.into());
        }
        if let Some(above) = vlan_above(sys, upper, depth) {
            return Some(above);
        }
    }
    None
}

fn directory(name: &str) -> PathBuf {
    Path::new(SYS).join(name)
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
    fn what_a_device_hides_from_xdp_is_an_objection() {
        fn at(place: Place, veth: bool, flags: u32, above: Option<&str>) -> Option<String> {
            objection("eth0", place, veth, flags, above)
        }
        let all = [Place::Native, Place::Generic, Place::Tc];
        let which = |veth, flags, above: Option<&str>| {
            all.map(|place| at(place, veth, flags, above).map_or(0, |why| why.len().min(1)))
        };
        assert_eq!(which(false, 0, Some("v")), [0, 0, 0]);
        assert_eq!(which(false, RX_VLAN, None), [0, 0, 0]);
        assert_eq!(which(false, RX_VLAN, Some("v")), [1, 1, 0]);
        assert_eq!(which(false, LRO, None), [1, 0, 0]);
        assert_eq!(which(true, 0, None), [1, 0, 0]);
        assert!(at(Place::Native, false, LRO, None).unwrap().contains("-K eth0 lro off"));
        assert!(
            at(Place::Native, false, RX_VLAN, Some("v")).unwrap().contains("-K eth0 rxvlan off")
        );
    }

    #[test]
    fn vlans_are_found_above_bridges_and_bonds() {
        let sys =
            std::env::temp_dir().join(format!("dtlsv1-listen-xdp-sys-{}", std::process::id()));
        let file = |path: &str, text: &str| {
            let path = sys.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (lower, upper) in
            [("eth0", "bond0"), ("bond0", "bond0.7"), ("eth1", "br0"), ("eth2", "br1")]
        {
            fs::create_dir_all(sys.join(lower).join(format!("upper_{upper}"))).unwrap();
        }
        file("bond0/uevent", "DEVTYPE=bond\n");
        file("bond0.7/uevent", "INTERFACE=bond0.7\nDEVTYPE=vlan\n");
        file("br0/bridge/vlan_filtering", "0\n");
        file("br1/bridge/vlan_filtering", "1\n");
        let above = |name| vlan_above(&sys, name, 4);
        assert_eq!(above("eth0").as_deref(), Some("bond0.7"));
        assert_eq!(above("eth1"), None);
        assert_eq!(above("eth2").as_deref(), Some("br1"));
        fs::remove_dir_all(&sys).unwrap();
    }

    #[test]
    fn this_hosts_own_are_found() {
        let lo = Device::find("lo").unwrap();
        assert!(lo.loopback && lo.index > 0);
        assert_eq!(lo.mac(), Some([0; 6]));
        assert_eq!(lo.objection(Place::Tc, false), None);
        let own = own_addresses();
        assert!(own.contains(&Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)))));
        assert!(Device::find("none-such").unwrap_err().contains("no device none-such"));
        assert!(Device::find("../lo").is_err());
    }
}
