/// The domain's only source of randomness for keys, tokens and identifiers.
///
/// ```
/// use clouddrive_domain::port::Random;
///
/// /// A Unix has a generator in this file.
/// struct SystemRandom(std::fs::File);
///
/// impl Random for SystemRandom {
///     fn fill(&self, bytes: &mut [u8]) {
///         std::io::Read::read_exact(&mut &self.0, bytes).expect("it never ends");
///     }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Random: Send + Sync {
    /// Fills `bytes` with unpredictable bits, which MUST come from the operating system's generator.
    fn fill(&self, bytes: &mut [u8]);
}
