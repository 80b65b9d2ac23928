use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use clouddrive_domain::model::{NodeId, VersionId};

use crate::problem::Problem;

/// The `{id}` and `{version}` of the path.
pub struct VersionPath(pub NodeId, pub VersionId);

impl FromRequest for VersionPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let file = path_parameter(request, "id");
        ready(file.and_then(|file| Ok(Self(file, path_parameter(request, "version")?))))
    }
}

/// Parses the path parameter `name`. A malformed identifier is 404.
fn path_parameter<T: FromStr>(request: &HttpRequest, name: &str) -> Result<T, Problem> {
    request.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)
}

/// The `{id}` of the path. A malformed one is 404.
pub struct PathId<T>(pub T);

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(path_parameter(request, "id").map(Self))
    }
}
