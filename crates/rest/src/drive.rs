mod archive;
mod copy;
mod create;
mod delete;
mod list;
mod list_root;
mod page;
mod update;

pub(crate) use page::List;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    list_root::ENDPOINT,
    create::ENDPOINT,
    list::ENDPOINT,
    update::ENDPOINT,
    delete::ENDPOINT,
    copy::ENDPOINT,
    archive::ENDPOINT,
];
