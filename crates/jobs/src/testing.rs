//! What several tests need.

use std::sync::Arc;

use clouddrive_domain::model::{StoreName, Timestamp};
use clouddrive_domain::port::{BlobStores, MockAuditTrail, MockBlobStore, MockClock, MockRandom};
use clouddrive_domain::service::ServiceContext;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(0);

pub(crate) fn context() -> ServiceContext {
    let (mut clock, mut random) = (MockClock::new(), MockRandom::new());
    clock.expect_now().return_const(NOW);
    random.expect_fill().returning(|bytes| bytes.fill(7));
    ServiceContext::new(Arc::new(clock), Arc::new(random), Arc::new(MockAuditTrail::new()))
}

pub(crate) fn blob_stores() -> BlobStores {
    BlobStores::new(StoreName::parse("disk").unwrap(), Arc::new(MockBlobStore::new()))
}
