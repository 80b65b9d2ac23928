use crate::error::Result;
use crate::model::{StoreName, Upload};
use crate::port::{BlobRecordRepository, BlobStores};

/// The name of the store that receives the bytes of `upload`: only the record of its blob has it. An upload whose blob
/// is no longer recorded has no bytes in any store.
pub(super) async fn store_of(
    upload: &Upload,
    stores: &BlobStores,
    records: &dyn BlobRecordRepository,
) -> Result<StoreName> {
    if let Some(only) = stores.only() {
        return Ok(only.clone());
    }
    let recorded = records.find_store(&upload.blob).await?;
    Ok(recorded.unwrap_or_else(|| stores.default_name().clone()))
}
