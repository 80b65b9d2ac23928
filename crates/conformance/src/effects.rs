//! Time, randomness and health.

pub mod clock;
pub mod probe;
pub mod random;
