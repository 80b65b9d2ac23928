//! The paths of all endpoints, as the OpenAPI document has them: parameters in braces.

use std::fmt::Display;

/// The name and version of the service.
pub const ROOT: &str = "/";
/// Whether the process is up.
pub const HEALTH: &str = "/health";
/// Whether requests can be served.
pub const READY: &str = "/health/ready";
/// The OpenAPI document.
pub const OPENAPI: &str = "/openapi.json";

/// The caller's own account, and registration.
pub const USER: &str = "/user";
/// The caller's password.
pub const USER_PASSWORD: &str = "/user/password";
/// Deletes the caller's account.
pub const USER_DELETE: &str = "/user/delete";
/// Starts a session.
pub const LOGIN: &str = "/login";
/// Exchanges a refresh token.
pub const TOKEN_REFRESH: &str = "/token/refresh";
/// Ends a session by its refresh token.
pub const LOGOUT: &str = "/logout";
/// The caller's sessions.
pub const SESSIONS: &str = "/session";
/// One session of the caller.
pub const SESSION: &str = "/session/{session_id}";
/// The user and expiry of an access token.
pub const VERIFY_TOKEN: &str = "/verify-token";
/// The caller's profile photo.
pub const PROFILE_PHOTO: &str = "/profile_photo";
/// An alias of [`PROFILE_PHOTO`].
pub const PROFILE_PHOTO_ALIAS: &str = "/profile-photo";

/// The root of the caller's drive, and new folders.
pub const DRIVE: &str = "/drive";
/// A folder.
pub const FOLDER: &str = "/drive/{folder_id}";
/// Copies a folder.
pub const FOLDER_COPY: &str = "/drive/{folder_id}/copy";
/// A folder as a ZIP.
pub const FOLDER_ARCHIVE: &str = "/drive/{folder_id}/archive";
/// The shares of a folder.
pub const FOLDER_SHARES: &str = "/drive/{folder_id}/share";
/// All access to a folder.
pub const FOLDER_ACCESS: &str = "/drive/{folder_id}/access";
/// The ZIP of a selection, and its URLs.
pub const ARCHIVE: &str = "/archive";
/// Finds files and folders by name.
pub const SEARCH: &str = "/search";

/// New files.
pub const FILES: &str = "/file";
/// A file.
pub const FILE: &str = "/file/{file_id}";
/// The content of a file.
pub const FILE_CONTENT: &str = "/file/{file_id}/content";
/// Copies a file.
pub const FILE_COPY: &str = "/file/{file_id}/copy";
/// The shares of a file.
pub const FILE_SHARES: &str = "/file/{file_id}/share";
/// All access to a file.
pub const FILE_ACCESS: &str = "/file/{file_id}/access";
/// The versions of a file.
pub const VERSIONS: &str = "/file/{file_id}/version";
/// A version of a file.
pub const VERSION: &str = "/file/{file_id}/version/{version_id}";
/// Restores a version of a file.
pub const VERSION_RESTORE: &str = "/file/{file_id}/version/{version_id}/restore";

/// Open uploads.
pub const UPLOADS: &str = "/upload";
/// An upload.
pub const UPLOAD: &str = "/upload/{upload_id}";
/// Fresh URLs for the parts of an upload.
pub const UPLOAD_PARTS: &str = "/upload/{upload_id}/parts";
/// Completes an upload.
pub const UPLOAD_COMPLETE: &str = "/upload/{upload_id}/complete";
/// A blob on local disk, by a signed URL.
pub const BLOB: &str = "/blob/{key}";

/// The caller's trash.
pub const TRASH: &str = "/trash";
/// An item in the trash.
pub const TRASHED_ITEM: &str = "/trash/{item_id}";
/// The contents of a folder in the trash.
pub const TRASHED_FOLDER: &str = "/trash/{item_id}/item";
/// Restores an item from the trash.
pub const TRASHED_ITEM_RESTORE: &str = "/trash/{item_id}/restore";

/// New shares.
pub const SHARES: &str = "/share";
/// A share.
pub const SHARE: &str = "/share/{share_id}";
/// What is shared with the caller.
pub const SHARED_WITH_ME: &str = "/shared-with-me";
/// What the caller has shared.
pub const SHARED_BY_ME: &str = "/shared-by-me";

/// The caller's public links, and new ones.
pub const LINKS: &str = "/link";
/// A public link, for its owner.
pub const LINK: &str = "/link/{link_id}";
/// The target of a public link, for its visitors.
pub const PUBLIC_LINK: &str = "/s/{token}";
/// Opens a public link with its password.
pub const PUBLIC_LINK_ACCESS: &str = "/s/{token}/access";
/// The content of a linked file.
pub const PUBLIC_LINK_CONTENT: &str = "/s/{token}/content";
/// A linked folder as a ZIP.
pub const PUBLIC_LINK_ARCHIVE: &str = "/s/{token}/archive";
/// A folder below a linked one.
pub const PUBLIC_LINK_FOLDER: &str = "/s/{token}/drive/{folder_id}";
/// A folder below a linked one, as a ZIP.
pub const PUBLIC_LINK_FOLDER_ARCHIVE: &str = "/s/{token}/drive/{folder_id}/archive";
/// The content of a file below a linked folder.
pub const PUBLIC_LINK_FILE_CONTENT: &str = "/s/{token}/file/{file_id}/content";

/// The path with `id` in place of its parameter.
///
/// ```
/// use clouddrive_contract::paths;
///
/// assert_eq!(paths::with_id(paths::FOLDER_COPY, "019ab0c2"), "/drive/019ab0c2/copy");
/// ```
#[must_use]
pub fn with_id(path: &str, id: impl Display) -> String {
    let id = id.to_string();
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { id.as_str() } else { segment });
    segments.collect::<Vec<_>>().join("/")
}
