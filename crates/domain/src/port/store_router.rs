use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::BlobStore;
use crate::error::{Error, Result};
use crate::model::StoreName;

/// The configured blob stores.
pub type BlobStores = StoreRouter<dyn BlobStore>;

/// One port of several blob stores, by their configured names. One store is the default, which receives new blobs.
///
/// ```
/// use std::sync::Arc;
///
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{BlobRef, ParseError, StoreName};
/// use clouddrive_domain::port::{BlobStore, BlobStores};
///
/// fn both(disk: Arc<dyn BlobStore>, bucket: Arc<dyn BlobStore>) -> Result<BlobStores, ParseError> {
///     Ok(BlobStores::new(StoreName::parse("s3")?, bucket).with(StoreName::parse("disk")?, disk))
/// }
///
/// async fn delete(stores: &BlobStores, blob: &BlobRef) -> Result<()> {
///     stores.get(&blob.store)?.delete(&blob.key).await
/// }
/// ```
pub struct StoreRouter<P: ?Sized> {
    default: StoreName,
    stores: BTreeMap<StoreName, Arc<P>>,
}

impl<P: ?Sized> Clone for StoreRouter<P> {
    fn clone(&self) -> Self {
        Self { default: self.default.clone(), stores: self.stores.clone() }
    }
}

impl<P: ?Sized> fmt::Debug for StoreRouter<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.stores.keys().collect();
        f.debug_struct("StoreRouter").field("default", &self.default).field("names", &names).finish()
    }
}

impl<P: ?Sized> StoreRouter<P> {
    /// Creates a router with one store, which is the default.
    #[must_use]
    pub fn new(name: StoreName, store: Arc<P>) -> Self {
        Self { stores: BTreeMap::from([(name.clone(), store)]), default: name }
    }

    /// Adds a store, or replaces the one of the same name.
    #[must_use]
    pub fn with(mut self, name: StoreName, store: Arc<P>) -> Self {
        self.stores.insert(name, store);
        self
    }

    /// The name of the store that receives new blobs.
    #[must_use]
    pub const fn default_name(&self) -> &StoreName {
        &self.default
    }

    /// The store of this name.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) if no store of this name is configured: never `NotFound`, since its blobs
    /// may exist.
    pub fn get(&self, name: &StoreName) -> Result<&P> {
        let unknown = || Error::unavailable("storage", format!("no blob store named {name} is configured"));
        self.find(name).ok_or_else(unknown)
    }

    /// The store of this name, if one is configured.
    #[must_use]
    pub fn find(&self, name: &StoreName) -> Option<&P> {
        self.stores.get(name).map(|store| &**store)
    }

    /// All stores, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&StoreName, &P)> {
        self.stores.iter().map(|(name, store)| (name, &**store))
    }
}
