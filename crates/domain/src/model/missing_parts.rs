use std::fmt;

/// How many missing parts are listed by number.
const MAX_LISTED: usize = 10;

/// Missing parts: their count and the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingParts {
    first: Vec<u32>,
    count: u32,
}

impl MissingParts {
    /// The parts with these numbers.
    pub(super) fn from_numbers(numbers: impl Iterator<Item = u32>) -> Self {
        let mut missing = Self { first: Vec::new(), count: 0 };
        for number in numbers {
            if missing.first.len() < MAX_LISTED {
                missing.first.push(number);
            }
            missing.count += 1;
        }
        missing
    }

    /// The number of missing parts.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The numbers of the first missing parts, at most ten.
    #[must_use]
    pub fn first(&self) -> &[u32] {
        &self.first
    }
}

impl fmt::Display for MissingParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.first.iter().map(u32::to_string).collect();
        let word = if self.count == 1 { "part" } else { "parts" };
        write!(f, "{word} {}", numbers.join(", "))?;
        match usize::try_from(self.count).unwrap_or(usize::MAX).saturating_sub(self.first.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
