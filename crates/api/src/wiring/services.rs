//! Creates the services from the stores.

use std::sync::Arc;

use actix_web::web::Data;
use clouddrive_auth::{Purpose, SessionCache};
use clouddrive_domain::port::{BlobStore, Passwords};
use clouddrive_domain::service::{
    AccountSettings, Accounts, Ambient, ArchiveStores, Archives, BlobRemover, Contents, Copies, EndedUploads, Files,
    Folders, Idempotency, Links, Photos, Search, Shares, SignedBlobs, StoreTags, Throttling, Trash, UploadSettings,
    Uploads, UrlLifetimes, VersionSettings, VersionStores, Versions, Visits, Watching,
};
use clouddrive_http::slots::Slots;
use clouddrive_image::SquarePhotos;
use clouddrive_rest::{Digests, Part, Services, write_answer};

use super::blobs::Doors;
use super::database::Persistence;
use super::{Keys, Stores, passwords};
use crate::config::Config;
use crate::telemetry::throttle::Counted;

/// Profile photos processed at once (up to 500 MB each), and callers that may wait (5 MiB each).
const PHOTOS_AT_ONCE: usize = 1;
const PHOTOS_WAITING: usize = 15;

/// Concurrent copies and purges per user, on each instance.
const BULK_AT_ONCE: u32 = 4;

/// What several services are made of.
pub(super) struct Builder<'a> {
    stores: &'a Stores,
    config: &'a Config,
    keys: &'a Keys,
    public_url: &'a str,
    ports: Persistence,
    ambient: Ambient,
    store: Arc<dyn BlobStore>,
    doors: Doors,
    cache: Arc<SessionCache>,
    passwords: Arc<dyn Passwords>,
    throttling: Throttling,
    remover: BlobRemover,
    ended: EndedUploads,
    contents: Contents,
    tags: StoreTags,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        stores: &'a Stores,
        config: &'a Config,
        keys: &'a Keys,
        public_url: &'a str,
    ) -> anyhow::Result<Self> {
        let (ports, store) = (stores.persistence.clone(), stores.blobs.store());
        let doors = stores.blobs.doors(public_url, keys);
        let throttling = if config.rate_limits {
            Throttling::new(Arc::new(Counted(ports.throttle.clone())))
        } else {
            Throttling::off()
        };
        let remover = BlobRemover::new(ports.records.clone(), store.clone());
        let tags = match doors.gate {
            Some(_) => StoreTags::none(),
            None => StoreTags::of(store.clone(), ports.records.clone()),
        };
        Ok(Self {
            stores,
            config,
            keys,
            public_url,
            ambient: stores.ambient.clone(),
            cache: Arc::new(SessionCache::new(ports.sessions.clone(), ports.accounts.clone())),
            passwords: Arc::new(passwords()?),
            throttling,
            ended: EndedUploads::new(ports.uploads.clone(), remover.clone()),
            contents: Contents::new(store.clone(), ports.records.clone()),
            remover,
            tags,
            doors,
            store,
            ports,
        })
    }

    pub(super) fn build(self) -> anyhow::Result<Services> {
        let (keys, ports) = (self.keys, &self.ports);
        let (database, storage) = (ports.probe.clone(), self.stores.blobs.probe());
        Ok(Services {
            accounts: Data::new(self.accounts()),
            folders: Data::new(Folders::new(ports.drive.clone(), self.ended.clone(), self.ambient.clone())),
            files: Data::new(self.files()),
            copies: Data::new(self.copies()),
            archives: Data::new(self.archives()),
            archive_urls: Data::new(keys.archive_urls(self.public_url)),
            uploads: Data::new(self.uploads()),
            search: Data::new(Search::new(ports.drive.clone(), ports.search.clone())),
            trash: Data::new(self.trash()),
            versions: Data::new(self.versions()),
            shares: Data::new(self.shares()),
            links: Data::new(self.links()?),
            visits: Data::new(self.visits()),
            photos: Data::new(self.photos()),
            idempotency: Data::new(self.idempotency()),
            local: self.signed_blobs().map(Data::new),
            parts: Data::new(vec![
                Part { name: "database", probe: database },
                Part { name: "storage", probe: storage },
            ]),
            ambient: Data::new(self.ambient.clone()),
            cursors: Data::new(keys.cursors()),
            digests: Data::new(Digests::new(keys.current.derive(Purpose::Receipts), keys.former(Purpose::Receipts))),
            bulk: Data::new(Slots::new(BULK_AT_ONCE, self.config.database_wait)),
        })
    }

    fn accounts(&self) -> Accounts {
        Accounts::new(
            self.ports.users.clone(),
            self.cache.clone(),
            self.cache.clone(),
            self.ports.drive.clone(),
            self.passwords.clone(),
            Arc::new(self.keys.tokens(self.config.algorithm)),
            self.ended.clone(),
            self.throttling.clone(),
            self.ambient.clone(),
            AccountSettings {
                quota_bytes: self.config.quota_bytes,
                quota_entries: self.config.quota_entries,
                token_lifetime: self.config.token_lifetime,
                session_lifetime: self.config.session_lifetime,
                refresh_grace: self.config.refresh_grace,
            },
        )
    }

    fn photos(&self) -> Photos {
        Photos::new(
            self.ports.users.clone(),
            self.ports.drive.clone(),
            self.ports.records.clone(),
            self.store.clone(),
            self.doors.signer.clone(),
            Arc::new(SquarePhotos::new(PHOTOS_AT_ONCE, PHOTOS_WAITING)),
            self.ambient.clone(),
            self.config.url_lifetime,
        )
    }

    fn files(&self) -> Files {
        let lifetimes = UrlLifetimes { download: self.config.url_lifetime, watch: self.config.watch_url_lifetime };
        Files::new(
            self.ports.drive.clone(),
            self.contents.clone(),
            self.tags.clone(),
            self.doors.signer.clone(),
            self.ambient.clone(),
            lifetimes,
        )
    }

    fn versions(&self) -> Versions {
        let stores = VersionStores {
            versions: self.ports.versions.clone(),
            records: self.ports.records.clone(),
            store: self.store.clone(),
            signer: self.doors.signer.clone(),
            tags: self.tags.clone(),
        };
        let settings = VersionSettings {
            most: self.config.most_versions,
            url_lifetime: self.config.url_lifetime,
            intake_lifetime: self.config.upload_lifetime,
        };
        Versions::new(self.ports.drive.clone(), stores, self.ambient.clone(), settings)
    }

    fn copies(&self) -> Copies {
        Copies::new(
            self.ports.drive.clone(),
            self.ports.trees.clone(),
            self.remover.clone(),
            self.ambient.clone(),
            self.config.most_versions,
        )
    }

    fn archives(&self) -> Archives {
        let stores = ArchiveStores {
            drive: self.ports.drive.clone(),
            trees: self.ports.trees.clone(),
            contents: self.contents.clone(),
            records: self.ports.records.clone(),
            sessions: self.ports.sessions.clone(),
            links: self.ports.links.clone(),
        };
        Archives::new(stores, self.ambient.clone())
    }

    fn uploads(&self) -> Uploads {
        let settings = UploadSettings {
            lifetime: self.config.upload_lifetime,
            url_lifetime: self.config.url_lifetime,
            most_open: self.config.most_open_uploads,
            part_bytes: self.config.part_bytes,
            max_parts: self.doors.max_parts,
            most_versions: self.config.most_versions,
        };
        let uploads = Uploads::new(
            self.ports.drive.clone(),
            self.ports.uploads.clone(),
            self.store.clone(),
            self.ports.records.clone(),
            self.doors.direct.clone(),
            self.ambient.clone(),
            settings,
        );
        match &self.doors.staged {
            Some(staged) => uploads.with_staging(staged.clone(), self.ports.records.clone()),
            None => uploads,
        }
    }

    fn trash(&self) -> Trash {
        Trash::new(
            self.ports.drive.clone(),
            self.ports.trash.clone(),
            self.remover.clone(),
            self.ended.clone(),
            self.ambient.clone(),
            self.config.trash_retention,
        )
    }

    fn shares(&self) -> Shares {
        Shares::new(
            self.ports.drive.clone(),
            self.ports.shares.clone(),
            self.ports.users.clone(),
            self.ended.clone(),
            self.throttling.clone(),
            self.ambient.clone(),
        )
    }

    fn links(&self) -> anyhow::Result<Links> {
        Ok(Links::new(
            self.ports.drive.clone(),
            self.ports.links.clone(),
            Arc::new(self.keys.link_tokens()?),
            self.passwords.clone(),
            self.ambient.clone(),
            self.public_url,
        ))
    }

    fn visits(&self) -> Visits {
        Visits::new(
            self.ports.drive.clone(),
            self.ports.links.clone(),
            self.ports.link_downloads.clone(),
            self.passwords.clone(),
            Arc::new(self.keys.link_access()),
            self.contents.clone(),
            self.tags.clone(),
            self.doors.signer.clone(),
            self.throttling.clone(),
            self.ambient.clone(),
            self.config.url_lifetime,
        )
    }

    fn idempotency(&self) -> Idempotency {
        let (drive, receipts) = (self.ports.drive.clone(), self.ports.receipts.clone());
        Idempotency::new(drive, receipts, Arc::new(write_answer), self.ambient.clone())
    }

    /// Serves the signed URLs of a local store.
    fn signed_blobs(&self) -> Option<SignedBlobs> {
        let (gate, parts) = self.doors.gate.clone()?;
        let watching = Watching {
            drive: self.ports.drive.clone(),
            versions: self.ports.versions.clone(),
            sessions: self.cache.clone(),
        };
        let records = self.ports.records.clone();
        Some(SignedBlobs::new(gate, self.store.clone(), parts, records, watching, self.ambient.clone()))
    }
}
