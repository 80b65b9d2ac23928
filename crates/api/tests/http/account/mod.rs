mod get_user;
mod login;
mod register;
mod verify_token;
