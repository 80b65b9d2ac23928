//! Archives of a selection, by signed URLs of this server.

mod create;
mod get;
mod url;

pub use url::ArchiveUrls;

use clouddrive_contract::ArchiveNames as NamesDto;
use clouddrive_domain::service::ArchiveNames;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[get::ENDPOINT, create::ENDPOINT];

/// The naming scheme of an archive.
pub(super) fn names(given: Option<NamesDto>) -> ArchiveNames {
    match given {
        Some(NamesDto::Portable) => ArchiveNames::Portable,
        None => ArchiveNames::Unchanged,
    }
}
