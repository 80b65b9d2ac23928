mod get_user;
mod login;
mod register;
mod verify_token;

pub(crate) use get_user::*;
pub(crate) use login::*;
pub(crate) use register::*;
pub(crate) use verify_token::*;
