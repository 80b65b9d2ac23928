//! The errors of each operation.

use std::collections::HashSet;

use clouddrive_contract::Code;

use super::IDEMPOTENT;

/// The codes of an operation, in groups that operations have in common.
type Groups = &'static [&'static [Code]];

const BODY: &[Code] = &[Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType];
const JSON: &[Code] = &[Code::ValidationFailed];
const AUTHENTICATED: &[Code] = &[Code::Unauthenticated, Code::InvalidToken, Code::TokenExpired, Code::RateLimited];
const LIST: &[Code] = &[Code::InvalidCursor, Code::ValidationFailed];
const ITEM: &[Code] = &[Code::NotFound];
const RELOCATE: &[Code] =
    &[Code::NotFound, Code::PermissionDenied, Code::NameTaken, Code::CrossDriveMove, Code::PreconditionFailed];
const LINK: &[Code] = &[Code::NotFound, Code::LinkPasswordRequired, Code::LinkExpired, Code::RateLimited];
const COPY: &[Code] =
    &[Code::NotFound, Code::PermissionDenied, Code::QuotaExceeded, Code::NameTaken, Code::PreconditionFailed];
const DELETE: &[Code] = &[Code::NotFound, Code::PermissionDenied, Code::PreconditionFailed];
const THROTTLED: &[Code] = &[Code::RateLimited];
const BYTES: &[Code] = &[Code::PreconditionFailed, Code::RangeNotSatisfiable];
const SIGNED: &[Code] = &[Code::InvalidSignature, Code::UrlExpired];

const ARCHIVE: &[Code] = &[
    Code::MalformedRequest,
    Code::ValidationFailed,
    Code::TooManyEntries,
    Code::PreconditionFailed,
    Code::RangeNotSatisfiable,
    Code::RateLimited,
];

/// The errors of an operation, in addition to the universal 500 and 503.
pub(super) fn errors(operation: &str) -> Vec<Code> {
    let groups = [of_account, of_folders, of_files, of_sharing].map(|family| family(operation)).concat();
    // Any request may be malformed.
    let mut codes: Vec<Code> = [&[Code::MalformedRequest][..], &groups.concat()].concat();
    // A credential may lack the scope of the operation; a look at the credential itself needs none.
    if groups.contains(&AUTHENTICATED) && operation != "verify_token" {
        codes.push(Code::PermissionDenied);
    }
    if IDEMPOTENT.contains(&operation) {
        codes.extend([Code::RequestInProgress, Code::IdempotencyKeyReused]);
    }
    codes.extend([Code::InternalError, Code::Unavailable]);
    let mut seen = HashSet::new();
    codes.retain(|code| seen.insert(code.as_str()));
    codes
}

/// Accounts, sessions and profile photos.
fn of_account(operation: &str) -> Groups {
    match operation {
        "register" => &[BODY, JSON, THROTTLED, &[Code::UsernameTaken, Code::EmailTaken]],
        "login" => &[BODY, JSON, THROTTLED, &[Code::InvalidCredentials]],
        "refresh_token" => &[BODY, JSON, &[Code::InvalidToken]],
        "logout" => &[BODY, JSON],
        "list_sessions" => &[AUTHENTICATED, LIST],
        "end_session" => &[AUTHENTICATED, ITEM],
        "patch_user" => &[AUTHENTICATED, BODY, JSON, THROTTLED, ITEM, &[Code::EmailTaken]],
        "change_password" | "delete_user" => &[AUTHENTICATED, BODY, JSON, THROTTLED, ITEM, &[Code::WrongPassword]],
        "verify_token" => &[AUTHENTICATED],
        "get_user" => &[AUTHENTICATED, ITEM],
        "get_profile_photo" | "delete_profile_photo" => &[AUTHENTICATED, ITEM],
        "set_profile_photo" => &[AUTHENTICATED, BODY, JSON, ITEM, &[Code::InvalidImage]],
        _ => &[],
    }
}

/// Folders, archives, search and the trash.
fn of_folders(operation: &str) -> Groups {
    match operation {
        "create_folder" => {
            &[AUTHENTICATED, BODY, JSON, ITEM, &[Code::PermissionDenied, Code::NameTaken, Code::QuotaExceeded]]
        }
        "list_root" | "list_folder" => &[AUTHENTICATED, LIST, ITEM],
        "search" => &[AUTHENTICATED, LIST, ITEM],
        "patch_folder" => &[AUTHENTICATED, BODY, JSON, RELOCATE, &[Code::FolderCycle]],
        "copy_folder" => &[AUTHENTICATED, BODY, JSON, COPY, &[Code::FolderCycle, Code::TooManyEntries]],
        "archive_folder" | "head_archive_folder" => &[AUTHENTICATED, ITEM, ARCHIVE],
        "create_archive" => &[AUTHENTICATED, BODY, JSON, ITEM],
        "get_archive" | "head_archive" => &[SIGNED, ITEM, ARCHIVE, &[Code::InvalidToken]],
        "delete_folder" | "delete_file" => &[AUTHENTICATED, DELETE],
        "list_trash" | "list_trashed_folder" => &[AUTHENTICATED, LIST, ITEM],
        "empty_trash" => &[AUTHENTICATED, ITEM],
        "purge_item" => &[AUTHENTICATED, ITEM, &[Code::PreconditionFailed]],
        "restore_item" => &[AUTHENTICATED, BODY, JSON, DELETE, &[Code::CrossDriveMove]],
        _ => &[],
    }
}

/// Files, versions, uploads and blobs.
fn of_files(operation: &str) -> Groups {
    match operation {
        "patch_file" => &[AUTHENTICATED, BODY, JSON, RELOCATE],
        "copy_file" => &[AUTHENTICATED, BODY, JSON, COPY],
        "put_content" => &[
            AUTHENTICATED,
            BODY,
            DELETE,
            &[Code::QuotaExceeded, Code::SizeMismatch, Code::UploadExpired, Code::ValidationFailed],
            &[Code::UnsupportedMediaType],
        ],
        "list_versions" => &[AUTHENTICATED, LIST, ITEM],
        "get_version" => &[AUTHENTICATED, ITEM],
        "restore_version" => &[AUTHENTICATED, DELETE, &[Code::QuotaExceeded]],
        "delete_version" => &[AUTHENTICATED, DELETE, &[Code::VersionInUse]],
        "create_file" => &[
            AUTHENTICATED,
            BODY,
            JSON,
            ITEM,
            &[Code::PermissionDenied, Code::QuotaExceeded, Code::NameTaken],
            &[Code::ChecksumMismatch, Code::SizeMismatch],
        ],
        "get_file" => &[AUTHENTICATED, ITEM, &[Code::ValidationFailed]],
        "get_content" | "head_content" => &[AUTHENTICATED, ITEM, BYTES],
        "list_uploads" => &[AUTHENTICATED, LIST],
        "get_upload" => &[AUTHENTICATED, ITEM],
        "abort_upload" => &[AUTHENTICATED, ITEM, &[Code::UploadClosed]],
        "sign_parts" => {
            &[AUTHENTICATED, BODY, JSON, ITEM, &[Code::PermissionDenied, Code::UploadClosed, Code::UploadExpired]]
        }
        "complete_upload" => &[
            AUTHENTICATED,
            BODY,
            JSON,
            ITEM,
            &[Code::PermissionDenied, Code::QuotaExceeded, Code::NameTaken],
            &[Code::UploadIncomplete, Code::UploadClosed, Code::UploadExpired],
            &[Code::SizeMismatch, Code::ChecksumMismatch],
        ],
        "get_blob" | "head_blob" => &[SIGNED, ITEM, BYTES],
        "put_blob" => {
            &[SIGNED, BODY, &[Code::UploadClosed, Code::PreconditionFailed, Code::ChecksumMismatch, Code::SizeMismatch]]
        }
        _ => &[],
    }
}

/// Shares and public links.
fn of_sharing(operation: &str) -> Groups {
    match operation {
        "list_received_shares" => &[AUTHENTICATED, LIST],
        "create_share" => &[
            AUTHENTICATED,
            BODY,
            JSON,
            THROTTLED,
            ITEM,
            &[Code::PermissionDenied, Code::AlreadyShared, Code::CannotShareWithOwner],
        ],
        "list_given_shares" | "list_links" => &[AUTHENTICATED, LIST],
        "list_shares_of_folder" | "list_shares_of_file" | "list_access_to_folder" | "list_access_to_file" => {
            &[AUTHENTICATED, LIST, ITEM, &[Code::PermissionDenied]]
        }
        "create_link" => &[AUTHENTICATED, BODY, JSON, ITEM, &[Code::PermissionDenied]],
        "patch_link" => &[AUTHENTICATED, BODY, JSON, ITEM],
        "delete_link" => &[AUTHENTICATED, ITEM],
        "open_link" => &[LINK, BODY, JSON],
        "visit_link" | "visit_folder" => &[LINK, LIST],
        "get_link_content" | "head_link_content" | "get_linked_file_content" | "head_linked_file_content" => {
            &[LINK, BYTES, &[Code::LinkExhausted]]
        }
        "archive_link" | "head_archive_link" | "archive_linked_folder" | "head_archive_linked_folder" => {
            &[LINK, ARCHIVE, &[Code::LinkExhausted]]
        }
        "patch_share" => &[AUTHENTICATED, BODY, JSON, ITEM, &[Code::PermissionDenied]],
        "delete_share" => &[AUTHENTICATED, ITEM],
        _ => &[],
    }
}
