//! A value that lives as long as any of those who refer to it, on one thread at a time. The standard
//! library's `Rc` ends the process when memory is short.

use crate::os::try_box;
use std::cell::Cell;
use std::ops::Deref;
use std::ptr::NonNull;

pub(crate) struct Shared<T>(NonNull<Inner<T>>);

struct Inner<T> {
    references: Cell<usize>,
    value: T,
}

impl<T> Shared<T> {
    /// `None` without memory.
    pub(super) fn new(value: T) -> Option<Self> {
        let inner = try_box(Inner { references: Cell::new(1), value })?;
        NonNull::new(Box::into_raw(inner).cast()).map(Self)
    }

    fn inner(&self) -> &Inner<T> {
        // SAFETY: it is there for as long as anybody refers to it, as `self` does.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        let references = &self.inner().references;
        references.set(references.get().saturating_add(1));
        Self(self.0)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let left = self.inner().references.get().saturating_sub(1);
        self.inner().references.set(left);
        if left == 0 {
            let one = NonNull::slice_from_raw_parts(self.0, 1);
            // SAFETY: `new` made it as a boxed slice of one, and nobody refers to it any more.
            drop(unsafe { Box::from_raw(one.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn it_goes_with_the_last_who_refers_to_it() {
        let seen = Rc::new(());
        let one = Shared::new(Rc::clone(&seen)).unwrap();
        let two = one.clone();
        drop(one);
        assert_eq!(Rc::strong_count(&two), 2);
        drop(two.clone());
        drop(two);
        assert_eq!(Rc::strong_count(&seen), 1);
    }
}
