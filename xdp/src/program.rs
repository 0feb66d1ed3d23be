//! The program in the kernel: loaded, attached, given its keys, asked for its counts.

use crate::shared::{Counts, Endpoint, Ring, State};
use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use aya::programs::tc::qdisc_add_clsact;
use aya::programs::{ProgramError, SchedClassifier, TcAttachType, Xdp, XdpFlags};
use aya::{Ebpf, EbpfError, EbpfLoader};
use std::collections::BTreeSet;
use std::fmt;
use std::os::fd::{AsFd as _, BorrowedFd};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/listen.bpf.o"));

const XDP: &str = "dtlsv1_listen_xdp";
const TC: &str = "dtlsv1_listen_tc";

/// Where the program sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// XDP in the device's driver.
    Native,
    /// XDP in the network stack, for drivers without it.
    Generic,
    /// tc, ingress.
    Tc,
}

/// Which records that are of no first contact go to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Strangers {
    /// All.
    Pass = 0,
    /// Those for which a connected socket exists.
    Connected = 1,
    /// Those from an address and port that showed a right cookie.
    Proved = 2,
}

/// What is decided before the program is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// See there.
    pub strangers: Strangers,
    /// Does what is no DTLS go to the server?
    pub not_dtls_passes: bool,
    /// Answers a second to one IPv4 address or IPv6 /64; 0: no limit.
    pub answers_per_second: u64,
    /// The device is the loopback one.
    pub loopback: bool,
}

/// What the kernel refused.
#[derive(Debug)]
pub enum Refused {
    /// bpf(2) itself, the maps, the object.
    Load(EbpfError),
    /// The verifier or the attachment.
    Program(ProgramError),
    /// A map's operation.
    Map(MapError),
    /// The object is not as it was built.
    Missing(&'static str),
}

impl From<EbpfError> for Refused {
    fn from(error: EbpfError) -> Self {
        Self::Load(error)
    }
}

impl From<ProgramError> for Refused {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}

impl From<MapError> for Refused {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::error::Error;
        let mut why: &dyn Error = match self {
            Self::Program(ProgramError::LoadError { io_error, verifier_log }) => {
                // The reason is in the last lines.
                let log = verifier_log.to_string();
                let start = log.len().saturating_sub(1500);
                let tail = log.get(start..).unwrap_or(&log);
                return write!(f, "the kernel's verifier: {io_error}\n{tail}");
            }
            Self::Load(_) if self.errno() == Some(libc::EPERM) => {
                return f.write_str(
                    "bpf(2) is refused to this process, as in many a container, in a user namespace, by \
                     seccomp or by lockdown (Operation not permitted)",
                );
            }
            Self::Load(error) => error,
            Self::Program(error) => error,
            Self::Map(error) => error,
            Self::Missing(name) => return write!(f, "the program has no {name}"),
        };
        write!(f, "{why}")?;
        while let Some(source) = why.source() {
            write!(f, ": {source}")?;
            why = source;
        }
        Ok(())
    }
}

impl Refused {
    /// The error's number, where the system gave one.
    pub fn errno(&self) -> Option<i32> {
        use std::error::Error;
        let mut why: Option<&(dyn Error + 'static)> = match self {
            Self::Load(error) => Some(error),
            Self::Program(error) => Some(error),
            Self::Map(error) => Some(error),
            Self::Missing(_) => None,
        };
        while let Some(error) = why {
            if let Some(number) =
                error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error)
            {
                return Some(number);
            }
            why = error.source();
        }
        None
    }
}

/// A loaded program. It is detached when this goes.
pub struct Program {
    ebpf: Ebpf,
    place: Place,
    rings: Array<MapData, Ring>,
    state: Array<MapData, State>,
    counts: PerCpuArray<MapData, Counts>,
    never: HashMap<MapData, Endpoint, u32>,
    shown: State,
    known: BTreeSet<Endpoint>,
}

impl Program {
    /// Has the kernel verify the program for a place.
    pub fn load(place: Place, settings: &Settings) -> Result<Self, Refused> {
        let (strangers, tc) = (settings.strangers as u32, place == Place::Tc);
        let not_dtls = u32::from(settings.not_dtls_passes);
        let loopback = u32::from(settings.loopback);
        let skb = u32::from(place != Place::Native);
        let mut ebpf = EbpfLoader::new()
            .set_global("STRANGERS", &strangers, true)
            .set_global("NOT_DTLS_PASSES", &not_dtls, true)
            .set_global("ANSWERS_PER_SECOND", &settings.answers_per_second, true)
            .set_global("LOOPBACK", &loopback, true)
            .set_global("SKB", &skb, true)
            .load(OBJECT)?;
        if tc {
            classifier(&mut ebpf)?.load()?;
        } else {
            xdp(&mut ebpf)?.load()?;
        }
        Ok(Self {
            rings: Array::try_from(take(&mut ebpf, "RINGS")?)?,
            state: Array::try_from(take(&mut ebpf, "STATE")?)?,
            counts: PerCpuArray::try_from(take(&mut ebpf, "COUNTS")?)?,
            never: HashMap::try_from(take(&mut ebpf, "NEVER")?)?,
            ebpf,
            place,
            shown: State::default(),
            known: BTreeSet::new(),
        })
    }

    /// Attaches it to a device.
    pub fn attach(&mut self, device: &str) -> Result<(), Refused> {
        match self.place {
            Place::Native => {
                xdp(&mut self.ebpf)?.attach(device, XdpFlags::DRV_MODE)?;
            }
            Place::Generic => {
                xdp(&mut self.ebpf)?.attach(device, XdpFlags::SKB_MODE)?;
            }
            Place::Tc => {
                // Kernels before 6.6 attach to a queueing discipline; there may be one already.
                let _ = qdisc_add_clsact(device);
                classifier(&mut self.ebpf)?.attach(device, TcAttachType::Ingress)?;
            }
        }
        Ok(())
    }

    /// The program, for bpf(2).
    pub fn fd(&mut self) -> Result<BorrowedFd<'_>, Refused> {
        Ok(match self.place {
            Place::Tc => classifier(&mut self.ebpf)?.fd()?.as_fd(),
            _ => xdp(&mut self.ebpf)?.fd()?.as_fd(),
        })
    }

    /// How much the verifier looked at; none before Linux 5.16.
    pub fn verified_instructions(&mut self) -> Option<u32> {
        let info = match self.place {
            Place::Tc => classifier(&mut self.ebpf).ok()?.info(),
            _ => xdp(&mut self.ebpf).ok()?.info(),
        };
        info.ok()?.verified_instruction_count()
    }

    /// Answers at these addresses from now on.
    pub fn listen(&mut self, endpoints: &[Endpoint]) -> Result<(), Refused> {
        let map = self.ebpf.map_mut("LISTENING").ok_or(Refused::Missing("LISTENING"))?;
        let mut map: HashMap<_, Endpoint, u32> = HashMap::try_from(map)?;
        for endpoint in endpoints {
            map.insert(endpoint, 1, 0)?;
        }
        Ok(())
    }

    /// Takes other addresses for those that are never answered.
    pub fn never_answer(&mut self, addresses: &BTreeSet<Endpoint>) -> Result<(), Refused> {
        for gone in self.known.difference(addresses) {
            self.never.remove(gone)?;
        }
        for new in addresses.difference(&self.known) {
            self.never.insert(new, 1, 0)?;
        }
        self.known.clone_from(addresses);
        Ok(())
    }

    /// The device's hardware address.
    pub fn set_mac(&mut self, mac: [u8; 6]) -> Result<(), Refused> {
        if self.shown.mac != mac {
            self.shown.mac = mac;
            self.state.set(0, self.shown, 0)?;
        }
        Ok(())
    }

    /// Puts other keys in force: they are written where nobody reads, and then pointed to. Whoever
    /// reads the old ones at this moment has all the time until the next call.
    pub fn publish(&mut self, ring: &Ring) -> Result<(), Refused> {
        let next = self.shown.active ^ 1;
        self.rings.set(next, ring, 0)?;
        self.shown.active = next;
        self.state.set(0, self.shown, 0)?;
        Ok(())
    }

    /// What was counted so far, by all processors.
    pub fn counts(&self) -> Result<Counts, Refused> {
        let each = self.counts.get(&0, 0)?;
        Ok(each.iter().fold(Counts::default(), |sum, counts| sum.plus(counts)))
    }

    /// Any of its maps, for tests.
    pub fn map_mut(&mut self, name: &str) -> Option<&mut Map> {
        self.ebpf.map_mut(name)
    }
}

fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, Refused> {
    ebpf.take_map(name).ok_or(Refused::Missing(name))
}

fn xdp(ebpf: &mut Ebpf) -> Result<&mut Xdp, Refused> {
    Ok(ebpf.program_mut(XDP).ok_or(Refused::Missing(XDP))?.try_into()?)
}

fn classifier(ebpf: &mut Ebpf) -> Result<&mut SchedClassifier, Refused> {
    Ok(ebpf.program_mut(TC).ok_or(Refused::Missing(TC))?.try_into()?)
}
