mod change_password;
mod delete_session;
mod delete_user;
mod get_user;
mod list_sessions;
mod login;
mod logout;
mod refresh;
mod register;
mod update_user;
mod verify_token;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    register::ENDPOINT,
    get_user::ENDPOINT,
    update_user::ENDPOINT,
    change_password::ENDPOINT,
    delete_user::ENDPOINT,
    login::ENDPOINT,
    refresh::ENDPOINT,
    logout::ENDPOINT,
    list_sessions::ENDPOINT,
    delete_session::ENDPOINT,
    verify_token::ENDPOINT,
];
