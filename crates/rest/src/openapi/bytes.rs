//! Parameters and headers common to all operations that return content, and to all public link operations.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{RefOr, Response, ResponseBuilder};

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

/// How a visitor of a password-protected link authenticates.
const LINK_PASSWORD: Described = ("X-Link-Password", "The link's password, if it has one, as percent-encoded UTF-8");
const LINK_ACCESS: Described = ("access", "In its place, what `POST /s/{token}/access` answered");

/// The kind of content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bytes {
    /// File content; the store may serve it through a redirect.
    File,
    /// A blob served by this server.
    Blob,
    /// An archive, packed while it is sent.
    Archive,
}

impl Bytes {
    fn from_operation(path: &str, operation: &Operation) -> Option<Self> {
        let RefOr::T(whole) = operation.responses.responses.get("200")? else { return None };
        match path {
            _ if whole.content.contains_key("application/zip") => Some(Self::Archive),
            _ if !whole.content.contains_key("application/octet-stream") => None,
            "/blob/{key}" => Some(Self::Blob),
            _ => Some(Self::File),
        }
    }
}

/// Completes a GET or HEAD operation at `path`.
pub(super) fn complete(path: &str, operation: &mut Operation) {
    if path.starts_with("/s/{token}") {
        add_parameter(operation, ParameterIn::Header, LINK_PASSWORD);
        add_parameter(operation, ParameterIn::Query, LINK_ACCESS);
    }
    let Some(bytes) = Bytes::from_operation(path, operation) else { return };
    for condition in CONDITIONS {
        add_parameter(operation, ParameterIn::Header, condition);
    }
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(whole)) = responses.get_mut("200") else { return };
    let mut part = whole.clone();
    "The bytes of the range".clone_into(&mut part.description);
    add_headers(whole, &[ETAG, LAST_MODIFIED, DISPOSITION, ACCEPT_RANGES]);
    add_headers(&mut part, &[ETAG, LAST_MODIFIED, DISPOSITION, CONTENT_RANGE]);
    if bytes != Bytes::Archive {
        add_headers(whole, &[CLIENT_MODIFIED]);
        add_headers(&mut part, &[CLIENT_MODIFIED]);
    }
    responses.insert("206".to_owned(), part.into());
    let known = ResponseBuilder::new().description("The client has these bytes");
    responses.insert("304".to_owned(), known.build().into());
    if bytes == Bytes::File {
        let way = "The bytes are where `Location` says, for a short while";
        let mut way = ResponseBuilder::new().description(way).build();
        add_headers(&mut way, &[LOCATION]);
        responses.insert("307".to_owned(), way.into());
    }
}

fn add_parameter(operation: &mut Operation, place: ParameterIn, (name, meaning): Described) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(meaning))
        .schema(Some(Object::with_type(Type::String)));
    operation.parameters.get_or_insert_default().push(parameter.build().into());
}

fn add_headers(response: &mut Response, headers: &[Described]) {
    for (name, meaning) in headers {
        let header = HeaderBuilder::new().description(Some(*meaning)).schema(Some(Object::with_type(Type::String)));
        response.headers.insert((*name).to_owned(), header.build().into());
    }
}
