//! The tables, as created by the migrations of both databases.

#![expect(missing_docs, reason = "the migrations document the columns")]

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Users.
    users (id) {
        id -> Id,
        username -> Text,
        username_key -> Text,
        email -> Text,
        email_key -> Text,
        password_hash -> Text,
        photo_blob -> Nullable<Text>,
        created_at -> BigInt,
        disabled_at -> Nullable<BigInt>,
        password_generation -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Sessions.
    sessions (id) {
        id -> Id,
        user_id -> Id,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// The refresh tokens of sessions, by their hashes.
    refresh_tokens (hash) {
        hash -> Binary,
        session_id -> Id,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Rate-limit buckets.
    throttle (bucket) {
        bucket -> Text,
        tat -> BigInt,
        seen -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Drives with their counters.
    drives (id) {
        id -> Id,
        owner_id -> Nullable<Id>,
        quota_bytes -> BigInt,
        used_bytes -> BigInt,
        reserved_bytes -> BigInt,
        created_at -> BigInt,
        quota_entries -> BigInt,
        used_entries -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Stored blobs.
    blobs (key) {
        key -> Text,
        store -> Text,
        size_bytes -> Nullable<BigInt>,
        sha256 -> Nullable<Binary>,
        etag -> Nullable<Text>,
        crc32 -> Nullable<BigInt>,
        created_at -> BigInt,
        unreferenced_at -> Nullable<BigInt>,
        condemned_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Bytes that count against a drive until they are deleted.
    held_blobs (blob_key) {
        blob_key -> Text,
        drive_id -> Id,
        size_bytes -> BigInt,
        counter -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Files and folders, and the roots of drives.
    nodes (id) {
        id -> Id,
        drive_id -> Id,
        parent_id -> Nullable<Id>,
        kind -> Text,
        name -> Text,
        sort_key -> Text,
        order_key -> Binary,
        search_key -> Text,
        size_bytes -> BigInt,
        revision -> BigInt,
        reach -> BigInt,
        version_id -> Nullable<Id>,
        created_by -> Id,
        created_at -> BigInt,
        modified_at -> BigInt,
        trashed_at -> Nullable<BigInt>,
        trashed_by -> Nullable<Id>,
        purge_id -> Nullable<Id>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Versions of files.
    versions (id) {
        id -> Id,
        node_id -> Id,
        blob_key -> Text,
        size_bytes -> BigInt,
        media_type -> Text,
        client_modified_at -> Nullable<BigInt>,
        created_by -> Id,
        created_at -> BigInt,
        revision -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Uploads, open and ended.
    uploads (id) {
        id -> Id,
        drive_id -> Id,
        folder_id -> Id,
        sender_id -> Id,
        name -> Text,
        media_type -> Text,
        sha256 -> Nullable<Binary>,
        client_modified_at -> Nullable<BigInt>,
        conflict -> Text,
        announced_bytes -> Nullable<BigInt>,
        part_bytes -> Nullable<BigInt>,
        blob_key -> Text,
        ticket -> Nullable<Text>,
        state -> Text,
        file_id -> Nullable<Id>,
        created_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Shares.
    shares (id) {
        id -> Id,
        node_id -> Id,
        guest_id -> Id,
        permission -> Text,
        shared_by -> Id,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Public links.
    links (id) {
        id -> Id,
        node_id -> Id,
        created_by -> Id,
        token_hash -> Binary,
        sealed_token -> Binary,
        password_hash -> Nullable<Text>,
        expires_at -> Nullable<BigInt>,
        max_downloads -> Nullable<BigInt>,
        downloads -> BigInt,
        last_download_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// Recently counted downloads through public links.
    link_downloads (link_id, digest) {
        link_id -> Id,
        digest -> Binary,
        counted_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Id;

    /// The change log. SQLite calls the number of an entry `sequence`; PostgreSQL also notes its transaction. Both are
    /// assigned by the database.
    changes (id) {
        id -> BigInt,
        kind -> Text,
        drive_id -> Nullable<Id>,
        node_id -> Nullable<Id>,
        actor_id -> Nullable<Id>,
        subject_id -> Nullable<Id>,
        request_id -> Text,
        at -> BigInt,
        before_parent_id -> Nullable<Id>,
        before_name -> Nullable<Text>,
        before_revision -> Nullable<BigInt>,
        before_version_id -> Nullable<Id>,
        after_parent_id -> Nullable<Id>,
        after_name -> Nullable<Text>,
        after_revision -> Nullable<BigInt>,
        after_version_id -> Nullable<Id>,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::allow_tables_to_appear_in_same_query!(
    blobs,
    changes,
    drives,
    held_blobs,
    link_downloads,
    links,
    nodes,
    sessions,
    shares,
    uploads,
    users,
    versions,
    refresh_tokens,
    throttle,
);
