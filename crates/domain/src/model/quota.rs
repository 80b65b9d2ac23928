//! Quotas of drives.

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
