use actix_web::web::{Data, ServiceConfig};
use clouddrive_domain::model::UserId;
use clouddrive_domain::service::{
    AccountService, ArchiveService, CopyService, FileService, FolderService, IdempotencyService, LinkService,
    PhotoService, PublicLinkService, RegistrationService, SearchService, ServiceContext, ShareService,
    SignedBlobService, TrashService, UploadService, VersionService,
};
use clouddrive_http::authn::{Bearer, Schemes};
use clouddrive_http::concurrency::ConcurrencyLimit;

use crate::archive::ArchiveUrls;
use crate::cursor::Cursors;
use crate::digests::Digests;
use crate::routes::routes;
use crate::service::HealthCheck;
use crate::stored_response::Repeats;

/// The services of the endpoints. Each endpoint takes those that it uses, as `Data`.
#[derive(Clone)]
pub struct Services {
    pub accounts: Data<AccountService>,
    pub registration: Data<RegistrationService>,
    pub folders: Data<FolderService>,
    pub files: Data<FileService>,
    pub copies: Data<CopyService>,
    pub archives: Data<ArchiveService>,
    pub archive_urls: Data<ArchiveUrls>,
    pub uploads: Data<UploadService>,
    pub trash: Data<TrashService>,
    pub versions: Data<VersionService>,
    pub shares: Data<ShareService>,
    pub links: Data<LinkService>,
    pub public_links: Data<PublicLinkService>,
    pub search: Data<SearchService>,
    pub photos: Data<PhotoService>,
    pub idempotency: Data<IdempotencyService>,
    /// Serves this server's signed URLs; `None` if the store serves its own.
    pub local: Option<Data<SignedBlobService>>,
    pub parts: Data<Vec<HealthCheck>>,
    pub context: Data<ServiceContext>,
    pub cursors: Data<Cursors>,
    pub digests: Data<Digests>,
    /// Limits concurrent copies and purges, which take long.
    pub bulk: Data<ConcurrencyLimit<UserId>>,
}

impl Services {
    /// Registers the services, the authentication schemes and all routes.
    pub fn configure(self, config: &mut ServiceConfig) {
        if let Some(local) = self.local {
            config.app_data(local);
        }
        let repeats = Repeats {
            idempotency: self.idempotency.clone(),
            digests: self.digests,
            uploads: self.uploads.clone(),
            links: self.links.clone(),
            photos: self.photos.clone(),
        };
        let schemes = Schemes::new(vec![Box::new(Bearer::new(self.accounts.clone().into_inner()))]);
        config
            .app_data(Data::new(schemes))
            .app_data(self.accounts)
            .app_data(self.registration)
            .app_data(self.folders)
            .app_data(self.files)
            .app_data(self.copies)
            .app_data(self.archives)
            .app_data(self.archive_urls)
            .app_data(self.uploads)
            .app_data(self.trash)
            .app_data(self.versions)
            .app_data(self.shares)
            .app_data(self.links)
            .app_data(self.public_links)
            .app_data(self.search)
            .app_data(self.photos)
            .app_data(self.idempotency)
            .app_data(self.parts)
            .app_data(self.context)
            .app_data(self.cursors)
            .app_data(self.bulk)
            .app_data(Data::new(repeats))
            .configure(routes);
    }
}
