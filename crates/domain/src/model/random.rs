/// The domain's only source of randomness for keys, tokens and identifiers.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Random: Send + Sync {
    /// Fills `bytes` with unpredictable bits, which MUST come from the operating system's generator.
    fn fill(&self, bytes: &mut [u8]);
}
