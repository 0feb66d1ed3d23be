//! `--check`: does this kernel take the program, and does it answer?

use crate::program::{Place, Program, Settings, Strangers};
use crate::shared::{Endpoint, Ring};
use crate::test_run;
use std::net::SocketAddr;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A line for each place.
pub fn check() -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (place, name, answer, pass) in
        [(Place::Native, "XDP", 3, 2), (Place::Tc, "tc", 7, u32::MAX)]
    {
        for strangers in [Strangers::Pass, Strangers::Connected, Strangers::Proved] {
            let settings = Settings {
                strangers,
                not_dtls_passes: false,
                answers_per_second: 1000,
                loopback: false,
            };
            let mut program =
                Program::load(place, &settings).map_err(|e| format!("{name}: {e}"))?;
            let at = SocketAddr::from(([203, 0, 113, 5], 4433));
            let mut ring = Ring { valid_until: u64::MAX, secrets: 1, ..Ring::NONE };
            ring.names = [0, 1, 2, 0];
            let prepare = |program: &mut Program| {
                program.listen(&[Endpoint::from(at)])?;
                program.set_mac(MAC)?;
                program.publish(&ring)
            };
            prepare(&mut program).map_err(|e| e.to_string())?;
            let mut out = [0; 2048];
            let fd = program.fd().map_err(|e| e.to_string())?;
            let run = test_run::run(fd, &hello(&[]), 1, &mut out).map_err(|e| e.to_string())?;
            if run.verdict != answer || run.frame.len() != 102 {
                return Err(format!(
                    "{name}: a hello came to verdict {} in {} bytes",
                    run.verdict,
                    run.frame.len()
                ));
            }
            if strangers == Strangers::Pass {
                let cookie = run.frame.last_chunk::<32>().copied().unwrap_or_default();
                let fd = program.fd().map_err(|e| e.to_string())?;
                let again = test_run::run(fd, &hello(&cookie), 100_000, &mut out)
                    .map_err(|e| e.to_string())?;
                if again.verdict != pass {
                    return Err(format!(
                        "{name}: a right cookie came to verdict {}",
                        again.verdict
                    ));
                }
                let nanoseconds = again.nanoseconds;
                let steps = program.verified_instructions().map_or("?".into(), |n| n.to_string());
                lines.push(format!(
                    "{name}: verified ({steps} instructions), answers; {nanoseconds} ns for a right cookie"
                ));
            }
        }
    }
    Ok(lines)
}

/// A frame with the smallest hello there is, without a UDP checksum.
fn hello(cookie: &[u8]) -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend([7; 32]);
    body.push(0);
    body.push(u8::try_from(cookie.len()).unwrap_or(0));
    body.extend(cookie);
    body.extend([0, 0]);
    let length = |more: usize| u16::try_from(body.len().saturating_add(more)).unwrap_or(0);
    let mut frame = [&MAC[..], &[2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]].concat();
    frame.extend(length(12 + 13 + 8 + 20).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17]);
    // The header's checksum: all but the length is always the same.
    frame.extend((!(0xC319_u16.wrapping_add(length(12 + 13 + 8 + 20)))).to_be_bytes());
    frame.extend([192, 0, 2, 1, 203, 0, 113, 5, 0xC3, 0x50, 0x11, 0x51]);
    frame.extend(length(12 + 13 + 8).to_be_bytes());
    frame.extend([0, 0, 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0]);
    frame.extend(length(12).to_be_bytes());
    frame.extend([1, 0]);
    frame.extend(length(0).to_be_bytes());
    frame.extend([0, 0, 0, 0, 0, 0]);
    frame.extend(length(0).to_be_bytes());
    frame.extend(&body);
    frame
}
