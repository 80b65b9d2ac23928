//! The tables, as the migrations make them.

diesel::table! {
    users (id) {
        id -> Binary,
        username -> Text,
        username_key -> Text,
        email -> Text,
        email_key -> Text,
        password_hash -> Text,
        photo_blob -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        user_id -> Binary,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    drives (id) {
        id -> Binary,
        owner_id -> Nullable<Binary>,
        quota_bytes -> BigInt,
        used_bytes -> BigInt,
        reserved_bytes -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    blobs (key) {
        key -> Text,
        store -> Text,
        size_bytes -> Nullable<BigInt>,
        sha256 -> Nullable<Binary>,
        created_at -> BigInt,
        unreferenced_at -> Nullable<BigInt>,
        condemned_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    nodes (id) {
        id -> Binary,
        drive_id -> Binary,
        parent_id -> Nullable<Binary>,
        kind -> Text,
        name -> Text,
        sort_key -> Text,
        size_bytes -> BigInt,
        revision -> BigInt,
        reach -> BigInt,
        version_id -> Nullable<Binary>,
        created_by -> Binary,
        created_at -> BigInt,
        modified_at -> BigInt,
        trashed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    versions (id) {
        id -> Binary,
        node_id -> Binary,
        blob_key -> Text,
        size_bytes -> BigInt,
        media_type -> Text,
        client_modified_at -> Nullable<BigInt>,
        created_by -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    uploads (id) {
        id -> Binary,
        drive_id -> Binary,
        folder_id -> Binary,
        sender_id -> Binary,
        name -> Text,
        media_type -> Text,
        sha256 -> Nullable<Binary>,
        client_modified_at -> Nullable<BigInt>,
        conflict -> Text,
        announced_bytes -> Nullable<BigInt>,
        blob_key -> Text,
        state -> Text,
        file_id -> Nullable<Binary>,
        created_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    shares (id) {
        id -> Binary,
        node_id -> Binary,
        guest_id -> Binary,
        permission -> Text,
        shared_by -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    changes (sequence) {
        sequence -> BigInt,
        kind -> Text,
        drive_id -> Nullable<Binary>,
        node_id -> Nullable<Binary>,
        actor_id -> Nullable<Binary>,
        request_id -> Text,
        at -> BigInt,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    blobs, changes, drives, nodes, sessions, shares, uploads, users, versions
);
