//! Quotas of drives.

use crate::error::Forbidden;

/// A drive's quota and usage, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// The limit.
    pub total: u64,
    /// The bytes used by stored versions.
    pub used: u64,
    /// The bytes reserved by open uploads.
    pub reserved: u64,
}

impl Quota {
    /// The bytes still available; 0 if the limit was lowered below the usage.
    #[must_use]
    pub const fn available(&self) -> u64 {
        self.total.saturating_sub(self.used).saturating_sub(self.reserved)
    }

    /// Whether `needed` more bytes fit.
    #[must_use]
    pub const fn admits(&self, needed: u64) -> bool {
        needed <= self.available()
    }
}

/// A drive's quota of files and folders, and how many it has, live and in the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryQuota {
    /// The limit.
    pub total: u64,
    /// The current number.
    pub used: u64,
}

/// New limits of a drive; `None` keeps the current one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewLimits {
    /// The limit in bytes.
    pub bytes: Option<u64>,
    /// The limit of files and folders.
    pub entries: Option<u64>,
}

/// A change of a drive's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Bytes already reserved for it.
    pub reserved: u64,
    /// Bytes added.
    pub stored: u64,
    /// Bytes freed.
    pub freed: u64,
    /// Files and folders added.
    pub entries: u64,
}

impl Charge {
    /// The bytes stored beyond the reservation.
    #[must_use]
    pub const fn unannounced(&self) -> u64 {
        self.stored.saturating_sub(self.reserved)
    }

    /// The error, if the charge does not fit into a drive with this usage. Bytes that were reserved fit already.
    #[must_use]
    pub fn refusal(&self, quota: Quota, entries: EntryQuota) -> Option<Forbidden> {
        let needed = self.unannounced();
        if needed > 0 && needed > quota.available().saturating_add(self.freed) {
            return Some(Forbidden::Quota { quota, needed });
        }
        let needed = self.entries;
        let full = needed > 0 && needed > entries.total.saturating_sub(entries.used);
        full.then_some(Forbidden::Entries { quota, entries, needed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: EntryQuota = EntryQuota { total: 2, used: 1 };

    #[test]
    fn reserved_bytes_are_not_counted_twice_and_freed_bytes_are_available() {
        let quota = Quota { total: 10, used: 3, reserved: 2 };
        let refusal = |charge: Charge| charge.refusal(quota, ENTRIES);
        assert_eq!(refusal(Charge { stored: 5, ..Charge::default() }), None);
        let needed = 6;
        assert_eq!(refusal(Charge { stored: 6, ..Charge::default() }), Some(Forbidden::Quota { quota, needed }));
        assert_eq!(refusal(Charge { stored: 7, reserved: 2, ..Charge::default() }), None);
        assert_eq!(refusal(Charge { stored: 6, freed: 1, ..Charge::default() }), None);
    }

    #[test]
    fn a_full_drive_accepts_changes_that_need_no_space() {
        let quota = Quota { total: 1, used: 5, reserved: 0 };
        let entries = EntryQuota { total: 1, used: 5 };
        assert_eq!(Charge::default().refusal(quota, entries), None);
        let one = Charge { entries: 1, ..Charge::default() };
        assert_eq!(one.refusal(quota, entries), Some(Forbidden::Entries { quota, entries, needed: 1 }));
        assert_eq!(one.refusal(quota, ENTRIES), None);
    }

    #[test]
    fn the_last_byte_fits_and_the_next_does_not() {
        let quota = Quota { total: 10, used: 4, reserved: 3 };
        assert!(quota.admits(3) && !quota.admits(4));
        assert!(Quota { total: 1, used: 5, reserved: 0 }.admits(0));
        assert!(!Quota { total: 1, used: 5, reserved: 0 }.admits(1));
    }
}
