//! May this process do what it is about to?

use std::fs;

const NEEDED: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];
/// Before Linux 5.8 this was all three, and it still is the last two.
const SYS_ADMIN: u32 = 21;

/// What is missing, in a line.
pub fn missing() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    missing_in(&status)
}

fn missing_in(status: &str) -> Option<String> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = u64::from_str_radix(effective?.trim(), 16).ok()?;
    let has = |bit: u32| effective.checked_shr(bit).unwrap_or(0) & 1 == 1;
    let names: Vec<_> = NEEDED
        .into_iter()
        .filter(|&(_, bit)| !has(bit) && (bit == 12 || !has(SYS_ADMIN)))
        .map(|(name, _)| name)
        .collect();
    if names.is_empty() {
        return None;
    }
    Some(format!("{} missing: run as root, or give it these capabilities", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_is_named() {
        let at = |bits: &str| missing_in(&format!("Name:\tx\nCapEff:\t{bits}\n"));
        assert_eq!(at("000001ffffffffff"), None);
        assert_eq!(at("000000c000001000"), None);
        assert_eq!(at("0000000000201000"), None);
        assert!(
            at("0000000000000000")
                .unwrap()
                .starts_with("CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF missing")
        );
        assert!(at("0000008000001000").unwrap().starts_with("CAP_PERFMON missing"));
        assert!(at("0000000000200000").unwrap().starts_with("CAP_NET_ADMIN missing"));
    }
}
