use std::sync::Arc;

use super::{
    AccountRepository, BlobRecordRepository, ChangeRepository, IdempotencyRepository, JobRepository,
    LinkDownloadRepository, LinkRepository, NameKeyRepository, NodeRepository, SearchRepository, SessionRepository,
    ShareRepository, TaskLeaseRepository, ThrottleRepository, TrashRepository, TreeRepository, UploadRepository,
    UserRepository, VersionRepository,
};

/// Declares the registry: a field, a bound of [`Repositories::from_store`] and an `AsRef` for each port.
macro_rules! repositories {
    ($($(#[$doc:meta])+ $field:ident: $port:ident,)+) => {
        /// The persistence ports of one application, usually all of one database.
        ///
        /// A store that implements all of them is registered by [`from_store`](Self::from_store); single ports may then
        /// be exchanged, for example for ones that cache. The services take only the ports that they use.
        #[derive(Clone)]
        pub struct Repositories {
            $($(#[$doc])+ pub $field: Arc<dyn $port>,)+
        }

        impl Repositories {
            /// The ports of a store that implements all of them in one type.
            #[must_use]
            pub fn from_store<S>(store: Arc<S>) -> Self
            where
                S: $($port +)+ 'static,
            {
                Self { $($field: store.clone(),)+ }
            }
        }

        $(
            impl AsRef<dyn $port> for Repositories {
                fn as_ref(&self) -> &(dyn $port + 'static) {
                    &*self.$field
                }
            }
        )+
    };
}

repositories! {
    /// Users and their credentials: registration, login, profile photos.
    users: UserRepository,
    /// Changes to accounts: settings, administration, deletion.
    accounts: AccountRepository,
    /// Sessions: login, refresh, logout.
    sessions: SessionRepository,
    /// Rate limits of logins, registrations and passwords of links.
    throttle: ThrottleRepository,
    /// The tree of files and folders. Every service that touches a file or folder needs it.
    drive: NodeRepository,
    /// Copies and archives of whole trees.
    trees: TreeRepository,
    /// Uploads. Besides the uploads themselves, all that can end a guest's upload needs it: the folders, the trash,
    /// shares and accounts.
    uploads: UploadRepository,
    /// The trash, and the purge of what is in it.
    trash: TrashRepository,
    /// Versions of files. All that reads contents needs it.
    versions: VersionRepository,
    /// Shares.
    shares: ShareRepository,
    /// Public links.
    links: LinkRepository,
    /// The counted downloads of public links.
    link_downloads: LinkDownloadRepository,
    /// Search by name.
    search: SearchRepository,
    /// The records of blobs. All that writes or deletes bytes needs it.
    records: BlobRecordRepository,
    /// The change log.
    changes: ChangeRepository,
    /// Leases of periodic background work.
    task_leases: TaskLeaseRepository,
    /// The queue of background jobs.
    jobs: JobRepository,
    /// Sort keys of names, which are brought up to date at startup.
    name_keys: NameKeyRepository,
    /// Idempotency records of idempotent requests.
    idempotency_records: IdempotencyRepository,
}
