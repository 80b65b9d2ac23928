use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Bucket, BucketLevel, Timestamp};
use clouddrive_domain::port::ThrottleRepository;

use crate::Database;

#[async_trait]
impl ThrottleRepository for Database {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        self.write(|state| {
            for bucket in buckets {
                let (key, kind) = (bucket.key(), bucket.kind());
                let level = state.buckets.get(&key).copied().unwrap_or(BucketLevel::full(now));
                if let Some(wait) = level.wait(kind.rate_limit(), now) {
                    return Err(kind.refusal(wait));
                }
                state.buckets.put(key, level.take(kind.rate_limit(), now));
            }
            Ok(())
        })
    }

    async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        self.write(|state| {
            for bucket in buckets {
                if let Some(level) = state.buckets.get_mut(&bucket.key()) {
                    *level = level.give_back(bucket.kind().rate_limit());
                }
            }
            Ok(())
        })
    }

    async fn prune_full(&self, now: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| Ok(state.buckets.remove_where(max, |level| level.is_full(now))))
    }
}
