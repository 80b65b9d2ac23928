//! How much a drive may hold.

/// A drive's quota and what counts against it, all in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// The most that the drive may hold.
    pub total: u64,
    /// What its versions hold now.
    pub used: u64,
    /// What open uploads have announced.
    pub reserved: u64,
}

impl Quota {
    /// What may still be announced; none when a smaller total was set after the drive had filled.
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

/// How many files and folders a drive may have, and how many it has, live and in the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryQuota {
    /// The most that the drive may have.
    pub total: u64,
    /// How many it has now.
    pub used: u64,
}

/// Limits of a drive that are to be set; those that are not given stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewLimits {
    /// How many bytes it may hold.
    pub bytes: Option<u64>,
    /// How many files and folders it may have.
    pub entries: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_fits_and_the_next_does_not() {
        let quota = Quota { total: 10, used: 4, reserved: 3 };
        assert!(quota.admits(3) && !quota.admits(4));
        assert!(Quota { total: 1, used: 5, reserved: 0 }.admits(0));
        assert!(!Quota { total: 1, used: 5, reserved: 0 }.admits(1));
    }
}
