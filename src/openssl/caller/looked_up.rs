//! Entries for programs that look libssl's functions up with dlsym(3): whoever has such a function
//! may be anybody, so there is one entry of each name for each libssl.

use super::behind::Behind;
use crate::loader::Object;
use crate::openssl::libssl::{Libssl, MAX, Name};
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

/// The libssl's that entries were given out for, by the number of the entry.
static PLACES: [[AtomicUsize; Object::WORDS]; MAX] =
    [const { [const { AtomicUsize::new(0) }; Object::WORDS] }; MAX];

/// The number of the entries for the libssl that has this function; `None` if there are no more, or
/// it is in no object.
pub(crate) fn entry_number(function: usize) -> Option<usize> {
    let object = Object::at(function)?;
    let start = object.start;
    for (number, [first, rest @ ..]) in PLACES.iter().enumerate() {
        let taken = first.compare_exchange(0, start, AcqRel, Acquire);
        // Another one that was there before has been unloaded, or it would be in the way.
        if taken.is_ok() || taken == Err(start) {
            let [_, words @ ..] = object.words();
            rest.iter().zip(words).for_each(|(to, word)| to.store(word, Release));
            return Some(number);
        }
    }
    None
}

/// The object that an entry was given out for.
pub(super) fn object_of(number: usize) -> Option<Object> {
    let words = PLACES.get(number)?.each_ref().map(|word| word.load(Acquire));
    Object::from_words(words)
}

impl Behind {
    /// What is behind an entry that was given out for a libssl.
    pub(super) fn of_libssl(object: &Object) -> Self {
        if let Some(libssl) = Libssl::of(object) {
            return Self::in_libssl(libssl, None, None);
        }
        let mut behind = Self::NOTHING;
        for (next, (_, name)) in behind.next.iter_mut().zip(Name::ALL) {
            *next = object.own(name);
        }
        behind
    }
}
