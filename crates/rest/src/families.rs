//! All endpoints, by family.

use crate::endpoint::Endpoint;
use crate::{
    account, archive, blob, drive, file, link, profile_photo, public_link, search, service, share, trash, upload,
    version,
};

/// The endpoints of the API. A request's path is compared with theirs in this order, but first with those that have no
/// parameter.
const FAMILIES: [&[Endpoint]; 14] = [
    service::ENDPOINTS,
    account::ENDPOINTS,
    profile_photo::ENDPOINTS,
    drive::ENDPOINTS,
    archive::ENDPOINTS,
    search::ENDPOINTS,
    file::ENDPOINTS,
    version::ENDPOINTS,
    upload::ENDPOINTS,
    blob::ENDPOINTS,
    trash::ENDPOINTS,
    share::ENDPOINTS,
    link::ENDPOINTS,
    public_link::ENDPOINTS,
];

/// Every endpoint.
pub(crate) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    FAMILIES.into_iter().flatten()
}
