mod create;
mod delete;
mod list_access;
mod list_given;
mod list_received;
mod update;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    list_given::OF_FOLDER,
    list_access::TO_FOLDER,
    list_given::OF_FILE,
    list_access::TO_FILE,
    create::ENDPOINT,
    update::ENDPOINT,
    delete::ENDPOINT,
    list_received::ENDPOINT,
    list_given::BY_CALLER,
];
