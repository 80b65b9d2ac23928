//! Creates the services from the stores.

use std::sync::Arc;

use actix_web::web::Data;
use clouddrive_auth::{Purpose, SessionCache};
use clouddrive_domain::port::{BlobStores, Passwords, Repositories};
use clouddrive_domain::service::{
    AccountPorts, AccountService, AccountSettings, ArchiveService, ArchiveStores, BlobRemover, Contents, CopyService,
    DriveLimits, EndedUploads, FilePorts, FileService, FolderService, IdempotencyService, LinkPorts, LinkService,
    PhotoPorts, PhotoService, PublicLinkPorts, PublicLinkService, RegistrationService, SearchService, ServiceContext,
    SharePorts, ShareService, SignedBlobPorts, SignedBlobService, StoreTags, Throttling, TrashService, UploadPorts,
    UploadService, UploadSettings, UrlLifetimes, VersionService, VersionSettings, VersionStores, WatchPorts,
};
use clouddrive_http::concurrency::ConcurrencyLimit;
use clouddrive_image::SquarePhotos;
use clouddrive_rest::{Digests, HealthCheck, Services, encode_response};

use super::blobs::DirectAccess;
use super::{Backends, Keys, passwords};
use crate::config::Config;
use crate::telemetry::throttle::MeteredThrottle;

/// Profile photos processed at once (up to 550 MiB each), and callers that may wait (5 MiB each).
const PHOTOS_AT_ONCE: usize = 1;
const PHOTOS_WAITING: usize = 15;

/// Concurrent copies and purges per user, on each instance.
const BULK_AT_ONCE: u32 = 4;

/// What several services are made of.
pub(super) struct Builder<'a> {
    stores: &'a Backends,
    config: &'a Config,
    keys: &'a Keys,
    public_url: &'a str,
    ports: Repositories,
    context: ServiceContext,
    blobs: BlobStores,
    direct_access: DirectAccess,
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
        stores: &'a Backends,
        config: &'a Config,
        keys: &'a Keys,
        public_url: &'a str,
    ) -> anyhow::Result<Self> {
        let (ports, blobs) = (stores.persistence.repositories.clone(), stores.blobs.stores());
        let direct_access = stores.blobs.direct_access(public_url, keys);
        let throttling = if config.rate_limits {
            Throttling::new(Arc::new(MeteredThrottle(ports.throttle.clone())))
        } else {
            Throttling::off()
        };
        let remover = BlobRemover::new(ports.records.clone(), blobs.clone());
        let tags = match direct_access.verifier {
            Some(_) => StoreTags::none(),
            None => StoreTags::new(blobs.clone(), ports.records.clone()),
        };
        Ok(Self {
            stores,
            config,
            keys,
            public_url,
            context: stores.context.clone(),
            cache: Arc::new(SessionCache::new(ports.sessions.clone(), ports.accounts.clone())),
            passwords: Arc::new(passwords()?),
            throttling,
            ended: EndedUploads::new(ports.uploads.clone(), remover.clone()),
            contents: Contents::new(blobs.clone(), ports.records.clone()),
            remover,
            tags,
            direct_access,
            blobs,
            ports,
        })
    }

    pub(super) fn build(self) -> anyhow::Result<Services> {
        let (keys, ports) = (self.keys, &self.ports);
        let (database, storage) = (self.stores.persistence.probe.clone(), self.stores.blobs.probe());
        Ok(Services {
            accounts: Data::new(self.accounts()),
            registration: Data::new(self.registration()),
            folders: Data::new(FolderService::new(ports.drive.clone(), self.ended.clone(), self.context.clone())),
            files: Data::new(self.files()),
            copies: Data::new(self.copies()),
            archives: Data::new(self.archives()),
            archive_urls: Data::new(keys.archive_urls(self.public_url)),
            uploads: Data::new(self.uploads()),
            search: Data::new(SearchService::new(ports.drive.clone(), ports.search.clone())),
            trash: Data::new(self.trash()),
            versions: Data::new(self.versions()),
            shares: Data::new(self.shares()),
            links: Data::new(self.links()?),
            public_links: Data::new(self.public_links()),
            photos: Data::new(self.photos()),
            idempotency: Data::new(self.idempotency()),
            local: self.signed_blobs().map(Data::new),
            parts: Data::new(vec![
                HealthCheck { name: "database", probe: database },
                HealthCheck { name: "storage", probe: storage },
            ]),
            context: Data::new(self.context.clone()),
            cursors: Data::new(keys.cursors()),
            digests: Data::new(Digests::new(
                keys.current.derive(Purpose::RequestDigests),
                keys.former(Purpose::RequestDigests),
            )),
            bulk: Data::new(ConcurrencyLimit::new(BULK_AT_ONCE, self.config.database_wait)),
        })
    }

    fn accounts(&self) -> AccountService {
        let ports = AccountPorts {
            users: self.ports.users.clone(),
            accounts: self.cache.clone(),
            sessions: self.cache.clone(),
            drive: self.ports.drive.clone(),
            passwords: self.passwords.clone(),
            tokens: Arc::new(self.keys.tokens(self.config.algorithm)),
        };
        AccountService::new(
            ports,
            self.ended.clone(),
            self.throttling.clone(),
            self.context.clone(),
            AccountSettings {
                token_lifetime: self.config.token_lifetime,
                session_lifetime: self.config.session_lifetime,
                refresh_grace: self.config.refresh_grace,
            },
        )
    }

    fn registration(&self) -> RegistrationService {
        let limits = DriveLimits { quota_bytes: self.config.quota_bytes, quota_entries: self.config.quota_entries };
        RegistrationService::new(
            self.ports.users.clone(),
            self.passwords.clone(),
            self.throttling.clone(),
            self.context.clone(),
            limits,
        )
    }

    fn photos(&self) -> PhotoService {
        let ports = PhotoPorts {
            users: self.ports.users.clone(),
            drive: self.ports.drive.clone(),
            records: self.ports.records.clone(),
            stores: self.blobs.clone(),
            presigners: self.direct_access.presigners.clone(),
            maker: Arc::new(SquarePhotos::new(PHOTOS_AT_ONCE, PHOTOS_WAITING)),
        };
        PhotoService::new(ports, self.context.clone(), self.config.url_lifetime)
    }

    fn files(&self) -> FileService {
        let lifetimes = UrlLifetimes { download: self.config.url_lifetime, watch: self.config.watch_url_lifetime };
        let ports =
            FilePorts { drive: self.ports.drive.clone(), contents: self.contents.clone(), tags: self.tags.clone() };
        let files = FileService::new(ports, self.context.clone());
        files.with_signing(self.direct_access.presigners.clone(), lifetimes)
    }

    fn versions(&self) -> VersionService {
        let stores = VersionStores {
            versions: self.ports.versions.clone(),
            records: self.ports.records.clone(),
            blobs: self.blobs.clone(),
            presigners: self.direct_access.presigners.clone(),
            tags: self.tags.clone(),
        };
        let settings = VersionSettings {
            max: self.config.max_versions,
            url_lifetime: self.config.url_lifetime,
            upload_lifetime: self.config.upload_lifetime,
        };
        VersionService::new(self.ports.drive.clone(), stores, self.context.clone(), settings)
    }

    fn copies(&self) -> CopyService {
        CopyService::new(
            self.ports.drive.clone(),
            self.ports.trees.clone(),
            self.remover.clone(),
            self.context.clone(),
            self.config.max_versions,
        )
    }

    fn archives(&self) -> ArchiveService {
        let stores = ArchiveStores {
            drive: self.ports.drive.clone(),
            trees: self.ports.trees.clone(),
            contents: self.contents.clone(),
            records: self.ports.records.clone(),
            sessions: self.ports.sessions.clone(),
            links: self.ports.links.clone(),
        };
        ArchiveService::new(stores, self.context.clone())
    }

    fn uploads(&self) -> UploadService {
        let settings = UploadSettings {
            lifetime: self.config.upload_lifetime,
            url_lifetime: self.config.url_lifetime,
            max_open: self.config.max_open_uploads,
            part_bytes: self.config.part_bytes,
            max_parts: self.direct_access.max_parts,
            max_versions: self.config.max_versions,
        };
        let ports = UploadPorts {
            drive: self.ports.drive.clone(),
            uploads: self.ports.uploads.clone(),
            stores: self.blobs.clone(),
            records: self.ports.records.clone(),
        };
        let uploads = UploadService::new(ports, self.context.clone(), settings);
        let uploads = uploads.with_direct(self.direct_access.direct.clone());
        match &self.direct_access.staged {
            Some(staged) => uploads.with_staging(staged.clone()),
            None => uploads,
        }
    }

    fn trash(&self) -> TrashService {
        TrashService::new(
            self.ports.drive.clone(),
            self.ports.trash.clone(),
            self.remover.clone(),
            self.ended.clone(),
            self.context.clone(),
            self.config.trash_retention,
        )
    }

    fn shares(&self) -> ShareService {
        let ports = SharePorts {
            drive: self.ports.drive.clone(),
            shares: self.ports.shares.clone(),
            users: self.ports.users.clone(),
        };
        ShareService::new(ports, self.ended.clone(), self.throttling.clone(), self.context.clone())
    }

    fn links(&self) -> anyhow::Result<LinkService> {
        let ports = LinkPorts {
            drive: self.ports.drive.clone(),
            links: self.ports.links.clone(),
            tokens: Arc::new(self.keys.link_tokens()?),
            passwords: self.passwords.clone(),
        };
        Ok(LinkService::new(ports, self.context.clone(), self.public_url))
    }

    fn public_links(&self) -> PublicLinkService {
        let ports = PublicLinkPorts {
            drive: self.ports.drive.clone(),
            links: self.ports.links.clone(),
            downloads: self.ports.link_downloads.clone(),
            passwords: self.passwords.clone(),
            link_access: Arc::new(self.keys.link_access()),
            contents: self.contents.clone(),
            tags: self.tags.clone(),
            presigners: self.direct_access.presigners.clone(),
        };
        PublicLinkService::new(ports, self.throttling.clone(), self.context.clone(), self.config.url_lifetime)
    }

    fn idempotency(&self) -> IdempotencyService {
        let (drive, idempotency_records) = (self.ports.drive.clone(), self.ports.idempotency_records.clone());
        IdempotencyService::new(drive, idempotency_records, Arc::new(encode_response), self.context.clone())
    }

    /// Serves the signed URLs of a local store.
    fn signed_blobs(&self) -> Option<SignedBlobService> {
        let (verifier, parts) = self.direct_access.verifier.clone()?;
        let watching = WatchPorts {
            drive: self.ports.drive.clone(),
            versions: self.ports.versions.clone(),
            sessions: self.cache.clone(),
        };
        let (stores, records) = (self.blobs.clone(), self.ports.records.clone());
        let ports = SignedBlobPorts { verifier, stores, parts, records, watching };
        Some(SignedBlobService::new(ports, self.stores.blobs.name().clone(), self.context.clone()))
    }
}
