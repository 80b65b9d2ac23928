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
