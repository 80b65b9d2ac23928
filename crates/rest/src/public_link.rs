//! Access through public links, without authentication: an access token is ignored.

mod access;
mod archive;
mod content;
mod get;
mod list;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    get::ENDPOINT,
    access::ENDPOINT,
    content::OF_LINK,
    archive::OF_LINK,
    archive::OF_FOLDER,
    list::ENDPOINT,
    content::OF_FILE,
];
