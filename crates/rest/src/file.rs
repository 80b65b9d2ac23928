mod content;
mod copy;
mod create;
mod create_from_form;
mod delete;
mod get;
mod put_content;
mod update;

pub(crate) use create::started;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    get::ENDPOINT,
    update::ENDPOINT,
    delete::ENDPOINT,
    content::ENDPOINT,
    put_content::ENDPOINT,
    copy::ENDPOINT,
];
