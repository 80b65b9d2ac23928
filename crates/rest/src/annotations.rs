//! What the OpenAPI annotations of several handlers share: parameters, and the responses with bytes.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Content, RefOr, Required, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

/// A name and its description.
type Described = (&'static str, &'static str);

/// `Range` and the preconditions of RFC 9110.
const CONDITIONS: [Described; 6] = [
    ("Range", "One range of bytes"),
    (
        "If-Match",
        "ETags one of which the bytes must have, or `*`; else 412. With `Range` it never gets parts of two versions",
    ),
    ("If-Unmodified-Since", "A date; 412 when the bytes are younger. Passed over beside `If-Match`"),
    ("If-None-Match", "ETags of bytes that the client has, or `*`; 304 when they are these"),
    ("If-Modified-Since", "A date; 304 when the bytes are not younger. Passed over beside `If-None-Match`"),
    ("If-Range", "The ETag of the bytes of which a range is asked for: other bytes come whole. A date never matches"),
];

const ETAG: Described = ("ETag", "The tag of just these bytes");
const LAST_MODIFIED: Described = ("Last-Modified", "Since when the bytes are what they are");
const DISPOSITION: Described = ("Content-Disposition", "`attachment`, with the name under which to save them");
const CLIENT_MODIFIED: Described =
    ("X-Client-Modified-At", "When the sender's own copy was last modified, if that was said (RFC 3339)");
const ACCEPT_RANGES: Described = ("Accept-Ranges", "`bytes`");
const CONTENT_RANGE: Described = ("Content-Range", "Which bytes these are, of how many");
const LOCATION: Described = ("Location", "A signed URL of the blob store");

/// The range and preconditions of a GET or HEAD of bytes.
pub(crate) struct RangeParams;

/// The precondition of a change of an item.
pub(crate) struct IfMatchParam;

/// The token in the path of a public link's URLs.
pub(crate) struct LinkParam;

/// How the bearer of a password-protected link authenticates.
pub(crate) struct LinkPasswordParams;

impl IntoParams for RangeParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        CONDITIONS.map(|condition| parameter(ParameterIn::Header, condition)).into()
    }
}

impl IntoParams for IfMatchParam {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(ParameterIn::Header, ("If-Match", "The ETag that the item must have"))]
    }
}

impl IntoParams for LinkParam {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(ParameterIn::Path, ("token", "As it stands in the link's URL"))]
    }
}

impl IntoParams for LinkPasswordParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let password = ("X-Link-Password", "The link's password, if it has one, as percent-encoded UTF-8");
        let access = ("access", "In its place, what `POST /s/{token}/access` answered");
        vec![parameter(ParameterIn::Header, password), parameter(ParameterIn::Query, access)]
    }
}

fn parameter(place: ParameterIn, (name, meaning): Described) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(meaning))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

/// The content of a file, which the store may serve through a redirect.
pub(crate) struct ContentResponses;

/// A blob served by this server.
pub(crate) struct BlobResponses;

/// An archive, packed while it is sent.
pub(crate) struct ZipResponses;

type Responses = BTreeMap<String, RefOr<Response>>;

impl IntoResponses for ContentResponses {
    fn responses() -> Responses {
        let mut responses = BlobResponses::responses();
        let way = ResponseBuilder::new().description("The bytes are where `Location` says, for a short while");
        responses.insert("307".to_owned(), with_headers(way, &[LOCATION]).into());
        responses
    }
}

impl IntoResponses for BlobResponses {
    fn responses() -> Responses {
        bytes("application/octet-stream", "All bytes", &[ETAG, LAST_MODIFIED, DISPOSITION, CLIENT_MODIFIED])
    }
}

impl IntoResponses for ZipResponses {
    fn responses() -> Responses {
        bytes("application/zip", "The ZIP", &[ETAG, LAST_MODIFIED, DISPOSITION])
    }
}

/// The responses to a GET of bytes with these headers, whose schema is set for all raw bytes alike.
fn bytes(media_type: &str, whole: &str, headers: &[Described]) -> Responses {
    let response = |description: &str, of_range: Described| {
        let response = ResponseBuilder::new().description(description).content(media_type, Content::default());
        with_headers(response, &[headers, &[of_range]].concat())
    };
    let known = ResponseBuilder::new().description("The client has these bytes").build();
    BTreeMap::from([
        ("200".to_owned(), response(whole, ACCEPT_RANGES).into()),
        ("206".to_owned(), response("The bytes of the range", CONTENT_RANGE).into()),
        ("304".to_owned(), known.into()),
    ])
}

fn with_headers(response: ResponseBuilder, headers: &[Described]) -> Response {
    let described = |response: ResponseBuilder, &(name, meaning): &Described| {
        let header = HeaderBuilder::new().description(Some(meaning)).schema(Some(Object::with_type(Type::String)));
        response.header(name, header.build())
    };
    headers.iter().fold(response, described).build()
}
