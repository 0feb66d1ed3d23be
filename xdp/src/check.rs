//! `--check`: does this kernel take the program, and does it answer?

use crate::program::{Place, Program, Settings, Strangers};
use crate::shared::{Endpoint, Ring};
use crate::test_run;
use std::net::SocketAddr;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A line for each place.
pub fn check() -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (place, name, answer) in [(Place::Native, "XDP", 3), (Place::Tc, "tc", 7)] {
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
            let run = test_run::run(fd, &hello(), 1, &mut out).map_err(|e| e.to_string())?;
            if run.verdict != answer || run.frame.len() != 102 {
                return Err(format!(
                    "{name}: a hello came to verdict {} in {} bytes",
                    run.verdict,
                    run.frame.len()
                ));
            }
            if strangers == Strangers::Pass {
                let steps = program.verified_instructions().map_or("?".into(), |n| n.to_string());
                lines.push(format!("{name}: verified ({steps} instructions), answers"));
            }
        }
    }
    Ok(lines)
}

/// A frame with the smallest hello there is, without a UDP checksum.
fn hello() -> Vec<u8> {
    let mut frame = [&MAC[..], &[2, 0, 0, 0, 0, 2, 8, 0]].concat();
    frame.extend([0x45, 0, 0, 91, 0, 0, 0x40, 0, 64, 17, 0x3C, 0x8B]);
    frame.extend([192, 0, 2, 1, 203, 0, 113, 5]);
    frame.extend([0xC3, 0x50, 0x11, 0x51, 0, 71, 0, 0]);
    frame.extend([22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50]);
    frame.extend([1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38, 0xFE, 0xFD]);
    frame.extend([7; 32]);
    frame.extend([0, 0, 0, 0]);
    frame
}
