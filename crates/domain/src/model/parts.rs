//! The parts of an upload.

use std::num::NonZeroU64;

use super::MissingParts;
use crate::error::{Conflict, Error, Refused, Result};

/// The maximum file size: 5 TiB.
pub const MAX_FILE_BYTES: u64 = 5 << 40;

/// The maximum number of parts of an upload.
pub const MAX_PARTS: u32 = 10_000;

/// The minimum size of every part but the last: 5 MiB.
pub const MIN_PART_BYTES: u64 = 5 << 20;

/// The maximum size of a part: 5 GiB.
pub const MAX_PART_BYTES: u64 = 5 << 30;

/// Enlarged part sizes are rounded up to a multiple of this: 1 MiB.
const STEP: u64 = 1 << 20;

/// A part of an upload, expected or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
}

/// How the bytes of an upload are split into parts: all of equal size but the last, which has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartPlan {
    size: u64,
    /// None if all bytes are one part, as for an empty upload.
    part_size: Option<NonZeroU64>,
}

impl PartPlan {
    /// A single part.
    #[must_use]
    pub const fn single(size: u64) -> Self {
        Self { size, part_size: None }
    }

    /// A single part up to `usual` bytes, several above. If [`MAX_PARTS`] of `usual` bytes are too few, parts are
    /// larger.
    #[must_use]
    pub fn new(size: u64, usual: NonZeroU64) -> Self {
        Self::within(size, usual, MAX_PARTS)
    }

    /// The same with at most `max_parts` parts, but never more than [`MAX_PARTS`].
    #[must_use]
    pub fn within(size: u64, usual: NonZeroU64, max_parts: u32) -> Self {
        if size <= usual.get() {
            return Self::single(size);
        }
        let least = size.div_ceil(max_parts.clamp(1, MAX_PARTS).into());
        let grown = NonZeroU64::new(least.next_multiple_of(STEP)).filter(|_| least > usual.get());
        Self { size, part_size: Some(grown.unwrap_or(usual)) }
    }

    /// Restores a stored plan; none if the numbers are invalid.
    #[must_use]
    pub fn restore(size: u64, part_size: Option<u64>) -> Option<Self> {
        let Some(part_size) = part_size else { return Some(Self::single(size)) };
        let sane = size <= MAX_FILE_BYTES && (1..size).contains(&part_size);
        let few = sane && size.div_ceil(part_size) <= MAX_PARTS.into();
        few.then(|| Self { size, part_size: NonZeroU64::new(part_size) })
    }

    /// The total size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The size in bytes of every part but the last; of the only part, which may be empty, if there is one.
    #[must_use]
    pub fn part_size(&self) -> u64 {
        self.part_size.map_or(self.size, NonZeroU64::get)
    }

    /// The part size if there are several parts.
    #[must_use]
    pub fn cut(&self) -> Option<u64> {
        self.part_size.map(NonZeroU64::get)
    }

    /// Whether there is a single part.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.part_size.is_none()
    }

    /// The number of parts, at least one.
    #[must_use]
    pub fn count(&self) -> u32 {
        let count = self.part_size.map_or(1, |part| self.size.div_ceil(part.get()));
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The part with the given number, if it exists.
    #[must_use]
    pub fn part(&self, number: u32) -> Option<Part> {
        let before = u64::from(number.checked_sub(1)?);
        if number > self.count() {
            return None;
        }
        let part_size = self.part_size();
        let size = self.size.checked_sub(before.checked_mul(part_size)?)?.min(part_size);
        Some(Part { number, size })
    }

    /// All parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        (1..=self.count()).filter_map(|number| self.part(number))
    }

    /// Checks that every part has arrived with the right size. Unknown part numbers are ignored.
    ///
    /// # Errors
    /// [`Conflict::UploadIncomplete`] if parts are missing; otherwise [`Refused::Size`] or, for several parts,
    /// [`Refused::PartSize`] of the first with a wrong size.
    pub fn check(&self, arrived: &[Part]) -> Result<()> {
        let mut sizes = std::collections::BTreeMap::new();
        sizes.extend(arrived.iter().map(|part| (part.number, part.size)));
        let missing = MissingParts::from_numbers(
            self.parts().map(|part| part.number).filter(|number| !sizes.contains_key(number)),
        );
        if missing.count() > 0 {
            return Err(Error::Conflict(Conflict::UploadIncomplete(missing)));
        }
        match self.parts().find(|part| sizes.get(&part.number) != Some(&part.size)) {
            None => Ok(()),
            Some(_) if self.is_single() => Err(Error::Refused(Refused::Size)),
            Some(part) => Err(Error::Refused(Refused::PartSize(part.number))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(size: u64, usual: u64) -> PartPlan {
        PartPlan::new(size, NonZeroU64::new(usual).unwrap())
    }

    #[test]
    fn parts_grow_where_a_store_takes_few() {
        for (size, part_size, count) in
            [(64 << 30, 66 << 20, 993), (1 << 30, 64 << 20, 16), (MAX_FILE_BYTES, 5243 << 20, 1000)]
        {
            let plan = PartPlan::within(size, NonZeroU64::new(64 << 20).unwrap(), 1000);
            assert_eq!((plan.part_size(), plan.count()), (part_size, count), "{size}");
            assert_eq!(PartPlan::restore(plan.size(), plan.cut()), Some(plan));
        }
    }

    fn sizes() -> impl Strategy<Value = u64> {
        prop_oneof![0..=MAX_FILE_BYTES, 0..=1_u64 << 32, (0..=200_u64).prop_map(|mib| mib << 20)]
    }

    proptest! {
        #[test]
        fn the_parts_are_all_bytes_and_none_twice(size in sizes(), usual in MIN_PART_BYTES..=MAX_PART_BYTES) {
            let plan = plan(size, usual);
            let parts: Vec<Part> = plan.parts().collect();
            prop_assert_eq!(parts.len(), plan.count() as usize);
            prop_assert!((1..=MAX_PARTS).contains(&plan.count()));
            prop_assert_eq!(parts.iter().map(|part| part.size).sum::<u64>(), size);
            prop_assert!(parts.iter().zip(1..).all(|(part, number)| part.number == number));
            let (last, others) = parts.split_last().unwrap();
            prop_assert!(others.iter().all(|part| part.size == plan.part_size()));
            prop_assert!((1..=plan.part_size()).contains(&last.size) || size == 0);
            prop_assert!(plan.part_size() <= MAX_PART_BYTES);
            prop_assert!(plan.is_single() || plan.part_size() >= MIN_PART_BYTES);
            prop_assert_eq!(plan.is_single(), size <= usual);
            prop_assert_eq!((plan.part(0), plan.part(plan.count() + 1), plan.part(u32::MAX)), (None, None, None));
            prop_assert_eq!(plan.check(&parts).map_err(|error| error.to_string()), Ok(()));
        }

        #[test]
        fn a_plan_is_kept_by_two_numbers(size in sizes(), usual in MIN_PART_BYTES..=MAX_PART_BYTES) {
            let plan = plan(size, usual);
            prop_assert_eq!(PartPlan::restore(plan.size(), plan.cut()), Some(plan));
        }
    }

    #[test]
    fn parts_grow_where_ten_thousand_are_too_few() {
        let usual = 64 << 20;
        for (size, part_size, count) in [
            (0, 0, 1),
            (1, 1, 1),
            (usual, usual, 1),
            (usual + 1, usual, 2),
            (3 * usual, usual, 3),
            (10_000 * usual, usual, 10_000),
            (10_000 * usual + 1, 65 << 20, 9847),
            (MAX_FILE_BYTES, 525 << 20, 9987),
        ] {
            let plan = plan(size, usual);
            assert_eq!((plan.part_size(), plan.count()), (part_size, count), "{size}");
        }
    }

    #[test]
    fn invalid_numbers_restore_no_plan() {
        for (size, part_size) in [(10, 0), (10, 10), (10, 11), (10_001, 1), (0, 1), (MAX_FILE_BYTES + 1, 1 << 32)] {
            assert_eq!(PartPlan::restore(size, Some(part_size)), None, "{size} in parts of {part_size}");
        }
        assert_eq!(PartPlan::restore(10, None), Some(PartPlan::single(10)));
    }

    #[test]
    fn missing_parts_are_reported_and_unknown_parts_ignored() {
        let plan = PartPlan::restore(25, Some(1)).unwrap();
        let outcome = |parts: Vec<Part>| plan.check(&parts).map_err(|error| error.to_string());
        let some = |numbers: &[u32]| numbers.iter().map(|&number| Part { number, size: 1 }).collect::<Vec<_>>();
        let all: Vec<u32> = (1..=26).rev().collect();
        assert_eq!(outcome(some(&all)), Ok(()));
        let missing = |text: &str| Err(format!("conflict: the bytes have not all arrived; missing: {text}"));
        assert_eq!(outcome(some(&all[2..])), missing("part 25"));
        assert_eq!(outcome(some(&all[4..])), missing("parts 23, 24, 25"));
        assert_eq!(outcome(Vec::new()), missing("parts 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 15 more"));

        let mut torn = some(&all);
        torn.iter_mut().for_each(|part| part.size += u64::from(part.number == 7));
        assert!(matches!(plan.check(&torn), Err(Error::Refused(Refused::PartSize(7)))));
        let outcome = PartPlan::single(5).check(&[Part { number: 1, size: 6 }]);
        assert!(matches!(outcome, Err(Error::Refused(Refused::Size))));
    }
}
