//! Who has news: two lists of places, each place in one of them at most, and out of either in one
//! step, since an SSL may be freed while it waits there.

/// No place.
const NONE: u32 = u32::MAX;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Clients that the program has not seen.
    New,
    Known,
}

#[derive(Clone, Copy)]
struct Link {
    before: u32,
    behind: u32,
    list: Option<List>,
}

#[derive(Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
}

pub(super) struct Lists {
    links: Vec<Link>,
    new: Ends,
    known: Ends,
}

impl Lists {
    pub(super) const fn new() -> Self {
        let empty = Ends { first: NONE, last: NONE };
        Self { links: Vec::new(), new: empty, known: empty }
    }

    /// Makes room for places below `places`; `None` without memory.
    pub(super) fn reserve(&mut self, places: usize) -> Option<()> {
        let more = places.saturating_sub(self.links.len());
        self.links.try_reserve(more).ok()?;
        let unlinked = Link { before: NONE, behind: NONE, list: None };
        self.links.resize(self.links.len().max(places), unlinked);
        Some(())
    }

    /// Puts a place last in a list, unless it stands there already; out of the other.
    pub(super) fn put(&mut self, place: u32, list: List) {
        let Some(link) = self.link(place) else { return };
        if link.list == Some(list) {
            return;
        }
        self.remove(place);
        let last = std::mem::replace(&mut self.ends(list).last, place);
        match self.link(last) {
            Some(link) => link.behind = place,
            None => self.ends(list).first = place,
        }
        if let Some(link) = self.link(place) {
            *link = Link { before: last, behind: NONE, list: Some(list) };
        }
    }

    /// Takes the first one out; of this list, or of either, the new ones first.
    pub(super) fn take(&mut self, list: Option<List>) -> Option<u32> {
        let lists = [List::New, List::Known];
        let mut wanted = lists.into_iter().filter(|one| list.is_none_or(|list| list == *one));
        let first = wanted.find_map(|one| Some(self.ends(one).first).filter(|f| *f != NONE))?;
        self.remove(first);
        Some(first)
    }

    pub(super) fn remove(&mut self, place: u32) {
        let Some(&mut Link { before, behind, list: Some(list) }) = self.link(place) else { return };
        match self.link(before) {
            Some(link) => link.behind = behind,
            None => self.ends(list).first = behind,
        }
        match self.link(behind) {
            Some(link) => link.before = before,
            None => self.ends(list).last = before,
        }
        if let Some(link) = self.link(place) {
            link.list = None;
        }
    }

    pub(super) const fn are_empty(&self) -> bool {
        self.new.first == NONE && self.known.first == NONE
    }

    const fn ends(&mut self, list: List) -> &mut Ends {
        match list {
            List::New => &mut self.new,
            List::Known => &mut self.known,
        }
    }

    fn link(&mut self, place: u32) -> Option<&mut Link> {
        self.links.get_mut(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(places: usize) -> Lists {
        let mut lists = Lists::new();
        lists.reserve(places).unwrap();
        lists
    }

    fn all(lists: &mut Lists, list: Option<List>) -> Vec<u32> {
        std::iter::from_fn(|| lists.take(list)).collect()
    }

    #[test]
    fn in_order_once_and_the_new_first() {
        let mut lists = lists(6);
        for (place, list) in
            [(3, List::Known), (1, List::New), (3, List::Known), (2, List::Known), (0, List::New)]
        {
            lists.put(place, list);
        }
        assert!(!lists.are_empty());
        assert_eq!(all(&mut lists, None), [1, 0, 3, 2]);
        assert!(lists.are_empty());
        lists.put(5, List::Known);
        assert_eq!(all(&mut lists, Some(List::New)), [0_u32; 0]);
        assert_eq!(all(&mut lists, None), [5]);
    }

    #[test]
    fn any_order_of_calls_is_that_of_two_plain_lists() {
        let mut lists = lists(9);
        let mut model: [Vec<u32>; 2] = Default::default();
        let mut state: u64 = 7;
        for _ in 0..50_000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let (place, what) = (((state >> 33) % 9) as u32, (state >> 50) % 5);
            let had = model.iter().position(|list| list.contains(&place));
            match what {
                0 | 1 => {
                    lists.put(place, if what == 0 { List::New } else { List::Known });
                    if had != Some(what as usize) {
                        model.iter_mut().for_each(|list| list.retain(|p| *p != place));
                        model[what as usize].push(place);
                    }
                }
                2 => {
                    lists.remove(place);
                    model.iter_mut().for_each(|list| list.retain(|p| *p != place));
                }
                3 => {
                    let first = (!model[1].is_empty()).then(|| model[1].remove(0));
                    assert_eq!(lists.take(Some(List::Known)), first);
                }
                _ => {
                    let list = usize::from(model[0].is_empty());
                    let first = (!model[list].is_empty()).then(|| model[list].remove(0));
                    assert_eq!(lists.take(None), first);
                }
            }
            assert_eq!(lists.are_empty(), model.iter().all(Vec::is_empty));
        }
    }
}
