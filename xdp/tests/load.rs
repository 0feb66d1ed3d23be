//! x
use dtlsv1_listen_xdp::program::*;
#[test]
fn loads() {
    let settings = Settings { strangers: Strangers::Connected, not_dtls_passes: false, answers_per_second: 5, loopback: false };
    for place in [Place::Native, Place::Tc] {
        if let Err(why) = Program::load(place, &settings) { panic!("{place:?}: {why}") }
    }
}
