//! Sees whether server and program agree, by what both count.

use crate::server::Told;

/// Sees whether server and program agree.
#[derive(Debug, Default)]
pub struct Watch {
    since: Option<(Told, u64)>,
}

/// So many cookies, right here and refused there, and nobody accepted: that is no flood.
const REFUSED: u64 = 5;

impl Watch {
    /// Does the server refuse what the program found right? `right` counts the program's right
    /// cookies. Whoever forges cookies has them refused by the program, so the server sees none.
    pub fn disagrees(&mut self, told: Told, right: u64) -> bool {
        let Some((before, right_before)) = self.since else {
            self.since = Some((told, right));
            return false;
        };
        let restarted = told.refused < before.refused || told.accepted < before.accepted;
        if restarted || told.accepted > before.accepted {
            self.since = Some((told, right));
            return false;
        }
        told.refused.saturating_sub(before.refused) >= REFUSED
            && right.saturating_sub(right_before) >= REFUSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_cookies_without_a_client_accepted_are_a_disagreement() {
        let told = |refused, accepted| Told { refused, accepted };
        let mut watch = Watch::default();
        assert!(!watch.disagrees(told(100, 7), 50));
        assert!(!watch.disagrees(told(104, 7), 54)); // too few
        assert!(!watch.disagrees(told(105, 7), 54)); // not ours
        assert!(watch.disagrees(told(105, 7), 55));
        assert!(!watch.disagrees(told(200, 8), 200)); // somebody got in
        assert!(!watch.disagrees(told(204, 8), 300));
        assert!(watch.disagrees(told(205, 8), 300));
        assert!(!watch.disagrees(told(0, 0), 400)); // another server
        assert!(watch.disagrees(told(5, 0), 405));
    }
}
