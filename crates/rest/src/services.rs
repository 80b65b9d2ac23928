use actix_web::web::{Data, ServiceConfig};
use clouddrive_domain::model::UserId;
use clouddrive_domain::service::{
    Accounts, Ambient, Archives, Copies, Files, Folders, Idempotency, Links, Photos, Search, Shares, SignedBlobs,
    Trash, Uploads, Versions, Visits,
};
use clouddrive_http::authn::{Bearer, Schemes};
use clouddrive_http::slots::Slots;

use crate::archive::ArchiveUrls;
use crate::cursor::Cursors;
use crate::digests::Digests;
use crate::kept::Repeats;
use crate::routes::routes;
use crate::service::Part;

/// The services of the endpoints. Each endpoint takes those that it uses, as `Data`.
#[derive(Clone)]
pub struct Services {
    pub accounts: Data<Accounts>,
    pub folders: Data<Folders>,
    pub files: Data<Files>,
    pub copies: Data<Copies>,
    pub archives: Data<Archives>,
    pub archive_urls: Data<ArchiveUrls>,
    pub uploads: Data<Uploads>,
    pub trash: Data<Trash>,
    pub versions: Data<Versions>,
    pub shares: Data<Shares>,
    pub links: Data<Links>,
    pub visits: Data<Visits>,
    pub search: Data<Search>,
    pub photos: Data<Photos>,
    pub idempotency: Data<Idempotency>,
    /// Serves this server's signed URLs; `None` if the store serves its own.
    pub local: Option<Data<SignedBlobs>>,
    pub parts: Data<Vec<Part>>,
    pub ambient: Data<Ambient>,
    pub cursors: Data<Cursors>,
    pub digests: Data<Digests>,
    /// Limits concurrent copies and purges, which take long.
    pub bulk: Data<Slots<UserId>>,
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
            .app_data(self.visits)
            .app_data(self.search)
            .app_data(self.photos)
            .app_data(self.idempotency)
            .app_data(self.parts)
            .app_data(self.ambient)
            .app_data(self.cursors)
            .app_data(self.bulk)
            .app_data(Data::new(repeats))
            .configure(routes);
    }
}
