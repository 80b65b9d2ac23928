/// Randomness. Keys, tokens and identifiers are made of nothing else.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Random: Send + Sync {
    /// Fills `bytes` with bits that nobody can foresee: they MUST come from the operating system's generator.
    fn fill(&self, bytes: &mut [u8]);
}
