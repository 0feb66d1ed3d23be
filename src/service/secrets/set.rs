//! A short list of secrets, in one place so that it can lie in protected memory.

use crate::hello::cookie::{MAX_SECRETS, Secret};

/// At most [`MAX_SECRETS`]; the first makes cookies, all are accepted.
#[derive(Clone)]
pub(super) struct Secrets([Option<Secret>; MAX_SECRETS]);

impl Secrets {
    pub(super) const NONE: Self = Self([const { None }; MAX_SECRETS]);

    /// Adds one at the end, unless it is there; false if there is no room.
    pub(super) fn add(&mut self, secret: Secret) -> bool {
        if self.contains(&secret) {
            return true;
        }
        let Some(place) = self.0.iter_mut().find(|place| place.is_none()) else { return false };
        *place = Some(secret);
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().flatten()
    }

    pub(super) fn contains(&self, secret: &Secret) -> bool {
        self.iter().any(|other| other.is(secret))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The same secrets in the same order?
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|pair| match pair {
            (Some(a), Some(b)) => a.is(b),
            (None, None) => true,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_room_for_eight_that_differ() {
        let secret = |byte| Secret::new(&[byte; 32]).unwrap();
        let mut secrets = Secrets::NONE;
        assert!(secrets.is_empty());
        for byte in 0..8 {
            assert!(secrets.add(secret(byte)));
            assert!(secrets.add(secret(byte)));
        }
        assert_eq!(secrets.iter().count(), 8);
        assert!(!secrets.add(secret(8)));
        assert!(secrets.contains(&secret(7)) && !secrets.contains(&secret(8)));
        assert!(secrets.is(&secrets) && !secrets.is(&Secrets::NONE));
    }
}
