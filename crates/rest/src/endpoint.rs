//! The definition of an endpoint. It stands once, beside the handler: routes, `Allow` headers, authentication, the
//! treatment of an `Idempotency-Key` and the OpenAPI document are derived from it. Only method and path also stand in
//! `#[utoipa::path]`, and a test compares them: otherwise each start would make the whole document.

pub(crate) mod errors;

use std::collections::HashSet;

use actix_web::Route;
use actix_web::http::Method;
use clouddrive_contract::Code;
use utoipa::openapi::OpenApi;

/// Gives a route its handler.
type Handle = fn(Route) -> Route;

/// An endpoint, made by [`endpoint!`].
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    /// Its method. HEAD goes with every GET.
    pub(crate) method: fn() -> Method,
    pub(crate) path: &'static str,
    /// The document of its operations alone, as the `#[utoipa::path]` of its handler has them.
    pub(crate) document: fn() -> OpenApi,
    pub(crate) access: Access,
    pub(crate) idempotency: Idempotency,
    /// Its errors, without those that its access and idempotency imply.
    pub(crate) errors: &'static [&'static [Code]],
    pub(crate) handle: Handle,
    /// The handler of forms, if the other takes JSON only.
    pub(crate) form: Option<FormHandler>,
}

/// Defines the endpoint of a handler with `#[utoipa::path]`: the handler, its method and path, its [`Access`], its
/// [`Idempotency`], and its errors in groups.
macro_rules! endpoint {
    ($handler:ident, $method:ident, $path:expr, $access:expr, $idempotency:expr, $errors:expr $(,)?) => {{
        // Otherwise the document would describe a header that the route refuses.
        const _: () = assert!(
            $crate::endpoint::Access::has_caller($access) || !$crate::endpoint::Idempotency::is_keyed($idempotency),
            "an Idempotency-Key is one of the caller's"
        );

        #[derive(utoipa::OpenApi)]
        #[openapi(paths($handler))]
        struct Document;

        $crate::endpoint::Endpoint {
            method: || actix_web::http::Method::$method,
            path: $path,
            document: <Document as utoipa::OpenApi>::openapi,
            access: $access,
            idempotency: $idempotency,
            errors: $errors,
            handle: |route| route.to($handler),
            form: None,
        }
    }};
}

pub(crate) use endpoint;

/// Who may call an endpoint.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// Every client.
    Public,
    /// Every client with a public link, and with its password if it has one.
    Link,
    /// Every client with a signed URL.
    SignedUrl,
    /// Users with an access token of the scope that the domain asks for; the text says which users.
    Token(&'static str),
    /// The same with a token of any scope.
    AnyToken(&'static str),
}

impl Access {
    /// Whether a caller is authenticated.
    pub(crate) const fn has_caller(self) -> bool {
        matches!(self, Self::Token(_) | Self::AnyToken(_))
    }
}

const CALLER: &str = "what it shows or changes is the caller's own.";

/// The permissions that several endpoints ask for.
impl Access {
    pub(crate) const CALLER: Self = Self::Token(CALLER);
    pub(crate) const CALLER_IN_ANY_SCOPE: Self = Self::AnyToken(CALLER);
    pub(crate) const VIEWER: Self = Self::Token("`view` on the item.");
    pub(crate) const FILE_EDITOR: Self = Self::Token("`edit` on the file.");
    pub(crate) const OWNER: Self = Self::Token("the owner of the item.");
    pub(crate) const TRASH_OWNER: Self = Self::Token("the owner of the trash.");
    pub(crate) const UPLOADER: Self = Self::Token("the user who began the upload.");
    pub(crate) const UPLOADER_OR_DRIVE_OWNER: Self =
        Self::Token("the user who began the upload, and the owner of the drive that it goes into.");
    pub(crate) const CREATE: Self = Self::Token("`edit` on the folder, or no folder: one's own root.");
    pub(crate) const COPY: Self = Self::Token("`view` on the item, `edit` on the folder into which the copy goes.");
    pub(crate) const RELOCATE: Self = Self::Token(
        "`edit` on the item and, for a move, on both folders. An item that is shared itself, rather than a folder \
         above it, is the owner's to rename and move.",
    );
    pub(crate) const DELETE: Self =
        Self::Token("`edit`. An item that is shared itself, rather than a folder above it, is the owner's to delete.");
}

/// What repeating a request does.
#[derive(Clone, Copy)]
pub(crate) enum Idempotency {
    /// What its method promises.
    ByMethod,
    /// What the text says, unless it is a HEAD.
    Described(&'static str),
    /// Nothing with the same `Idempotency-Key`: the request is executed once per key.
    Keyed,
    /// The same, by the handler: a streaming body's digest is known only at its end.
    KeyedStream,
}

impl Idempotency {
    /// Whether the endpoint takes an `Idempotency-Key`.
    pub(crate) const fn is_keyed(self) -> bool {
        matches!(self, Self::Keyed | Self::KeyedStream)
    }
}

/// The handler of forms.
#[derive(Clone, Copy)]
pub(crate) enum FormHandler {
    /// `application/x-www-form-urlencoded`.
    Fields(Handle),
    /// `multipart/form-data` with a file: a stream, whose handler processes the `Idempotency-Key`.
    Multipart(Handle),
}

impl Endpoint {
    /// The codes of all its errors.
    pub(crate) fn codes(&self) -> Vec<Code> {
        let of_access: &[Code] = match self.access {
            Access::Public => &[],
            Access::Link => errors::LINK,
            Access::SignedUrl => errors::SIGNED_URL,
            Access::Token(_) | Access::AnyToken(_) => errors::TOKEN,
        };
        // Any request may be malformed.
        let mut codes = vec![Code::MalformedRequest];
        codes.extend(of_access);
        codes.extend(self.errors.iter().copied().flatten());
        // The token may lack the scope.
        if matches!(self.access, Access::Token(_)) {
            codes.push(Code::PermissionDenied);
        }
        if self.idempotency.is_keyed() {
            codes.extend([Code::RequestInProgress, Code::IdempotencyKeyReused]);
        }
        codes.extend([Code::InternalError, Code::Unavailable]);
        let mut seen = HashSet::new();
        codes.retain(|code| seen.insert(*code));
        codes
    }
}
