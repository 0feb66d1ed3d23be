//! The addresses that are answered for.

use std::net::{IpAddr, SocketAddr};

/// An address that frames carry: the program would answer for whoever has none of its own.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("--listen: {text}: takes 203.0.113.5:4433 or [2001:db8::5]:4433"))?;
    let ip = address.ip();
    let why = match ip {
        _ if ip.is_unspecified() => {
            "name the addresses one by one: whoever else's traffic passes here is not ours to answer"
        }
        _ if ip.is_multicast() => "no server answers from a multicast address",
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => "write it as IPv4",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            "link-local addresses are left to the server"
        }
        _ if address.port() == 0 => "the port is missing",
        _ => return Ok(address),
    };
    Err(format!("--listen: {text}: {why}"))
}
