//! Numbers in metrics.

/// Exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "nothing that is counted here comes near 2⁵³")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}
