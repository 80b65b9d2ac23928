//! Several instances on one database and bucket act as one drive.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::id;
use crate::idempotency;
use crate::support::{ApiClient, ApiResponse, PASSWORD, Server, Storage, eventually, text};
use crate::upload::parts;

/// Two instances, and ann with the same token at each.
async fn two(variables: &[(&str, &str)]) -> (Server, Server, ApiClient, ApiClient) {
    let here = Server::with(variables).await;
    let there = here.second_instance(variables).await;
    let ann = here.user("ann").await;
    let same = there.with_token(ann.token());
    (here, there, ann, same)
}

/// The number of answers with this status; all others must have the other one.
#[track_caller]
fn count(answers: &[ApiResponse], status: u16, other: u16) -> usize {
    let strange = answers.iter().find(|answer| ![status, other].contains(&answer.status));
    assert!(strange.is_none(), "{}", strange.map(ApiResponse::text).unwrap_or_default());
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn instances_share_their_state() {
    let (here, there, ann, same) = two(&[]).await;
    let file = id(&ann.upload("note.txt", b"hello", None).await);
    assert_eq!(same.download(&file).await, b"hello");
    assert_eq!(same.names(None).await, ["note.txt"]);
    // A registration at one is valid at the other.
    there.user("ben").await;
    let ben = here.login("ben").await;
    assert_eq!(there.with_token(ben.token()).get("/verify-token").await.ok()["username"], "ben");
    // A cursor works at either instance.
    ann.folder("folder", None).await;
    let first = ann.get("/drive?limit=1").await.ok();
    let rest = same.get(&format!("/drive?limit=1&cursor={}", text(&first["next_cursor"]))).await.ok();
    assert_eq!((&first["items"][0]["name"], &rest["items"][0]["name"]), (&json!("folder"), &json!("note.txt")));
}

#[tokio::test]
async fn concurrent_creations_of_a_name_have_one_winner() {
    let (_here, _there, ann, same) = two(&[]).await;
    for name in ["a", "b", "c", "d"] {
        let body = json!({"folder_name": name});
        let folders = join_all((0..12).map(|turn| [&ann, &same][turn % 2].post("/drive", body.clone()))).await;
        assert_eq!(count(&folders, 201, 409), 1);
        let kept =
            join_all((0..6).map(|turn| [&ann, &same][turn % 2].send_form(&[("file_conflict", "Keep")], name, b"kept")))
                .await;
        assert_eq!(count(&kept, 201, 201), 6);
    }
    let names = ann.names(None).await;
    assert_eq!(names.len(), 4 * 7, "{names:?}");
    assert_eq!(names, same.names(None).await);
    for number in 1..=6 {
        assert!(names.contains(&format!("a ({number})")), "{names:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_sent_to_both_is_done_once() {
    let (_here, _there, ann, same) = two(&[]).await;
    for name in ["a", "b", "c", "d"] {
        let body = json!({"folder_name": name});
        let sent = (0..16).map(|turn| idempotency::post([&ann, &same][turn % 2], name, "/drive", &body));
        idempotency::one_was_done(join_all(sent).await);
    }
    assert_eq!(same.names(None).await, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn one_quota_is_exact_across_them() {
    let (here, _there, ann, same) = two(&[("DEFAULT_QUOTA_BYTES", "100")]).await;
    let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let forms = names.iter().enumerate().map(|(turn, name)| [&ann, &same][turn % 2].send_form(&[], name, &[7; 20]));
    let reserved = join_all(
        (0..10).map(async |turn: usize| [&ann, &same][turn % 2].begin(&format!("{turn} by URL"), 20, None).await),
    );
    let (forms, begun) = join(join_all(forms), reserved).await;
    let (forms, begun) = (count(&forms, 201, 403), count(&begun, 201, 403));
    assert_eq!(forms + begun, 5, "five times twenty bytes fit, and no more");
    let quota = same.quota().await;
    let bytes = |field: &str| quota[field].as_u64().unwrap() as usize;
    assert_eq!((bytes("used_bytes"), bytes("reserved_bytes")), (20 * forms, 20 * begun));
    assert_eq!(here.blobs().len(), forms, "what was refused leaves no bytes behind");
}

#[tokio::test]
async fn one_upload_completed_at_both_at_once_is_one_file() {
    let (here, _there, ann, same) = two(&[]).await;
    for conflict in ["fail", "Keep", "Replace"] {
        let upload = ann.begin(conflict, 5, None).await.ok();
        same.put(&upload, "hello").await.ok_empty();
        let path = format!("/upload/{}/complete", text(&upload["upload_id"]));
        let body = json!({"file_conflict": conflict});
        let answers = join_all((0..8).map(|turn| [&ann, &same][turn % 2].post(&path, body.clone()))).await;
        let files: Vec<Value> = answers.into_iter().map(ApiResponse::ok).collect();
        assert!(files.iter().all(|file| *file == files[0]), "{files:?}");
        assert_eq!(same.download(&id(&files[0])).await, b"hello");
    }
    assert_eq!(ann.names(None).await, ["fail", "Keep", "Replace"]);
    assert_eq!((here.blobs().len(), here.unfinished().len()), (3, 0));
}

#[tokio::test]
async fn parts_that_are_completed_at_both_at_once_are_one_file() {
    let (here, _there, ann, same) = two(&[parts::SMALL]).await;
    let bytes = parts::bytes();
    for turn in 0..3 {
        let upload = ann.begin(&turn.to_string(), parts::SIZE, None).await.ok();
        // Part URLs from either instance work.
        let fresh = format!("/upload/{}/parts", text(&upload["upload_id"]));
        let others = same.post(&fresh, json!({"part_numbers": [1, 2]})).await.ok();
        join(parts::send(&ann, &upload, &bytes, &[3]), parts::send(&same, &others, &bytes, &[2, 1])).await;
        let answers = join_all((0..6).map(|turn| [&ann, &same][turn % 2].complete(&upload))).await;
        let files: Vec<Value> = answers.into_iter().map(ApiResponse::ok).collect();
        assert!(files.iter().all(|file| *file == files[0]), "{files:?}");
        assert!(same.download(&id(&files[0])).await == bytes);
    }
    assert_eq!(ann.names(None).await, ["0", "1", "2"]);
    assert_eq!((here.blobs().len(), here.unfinished().len()), (3, 0));
}

#[tokio::test]
async fn a_share_that_is_revoked_at_one_is_revoked_at_the_other_at_once() {
    let (_here, there, ann, _same) = two(&[]).await;
    let ben = there.user("ben").await;
    let folder = ann.folder("Shared", None).await;
    let file = id(&ann.upload("note.txt", b"hello", Some(&folder)).await);
    for _ in 0..5 {
        let share = ann.share_folder(&folder, "ben", "edit").await;
        assert_eq!(ben.download(&file).await, b"hello");
        ben.send_form(&[("parent_folder_id", &folder), ("file_conflict", "Keep")], "ben's", b"x").await.ok();
        ann.patch(&format!("/share/{share}"), json!({"permission": "view"})).await.ok();
        let refused = ben.send_form(&[("parent_folder_id", &folder)], "too late", b"x").await;
        refused.refused(403, "permission_denied");
        ann.delete(&format!("/share/{share}")).await.ok_empty();
        ben.get(&format!("/file/{file}")).await.refused(404, "not_found");
        ben.get(&format!("/file/{file}/content")).await.refused(404, "not_found");
        ben.get(&format!("/drive/{folder}")).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_session_ended_on_one_instance_ends_on_the_other_within_a_second() {
    let (here, there, ann, same) = two(&[("REFRESH_GRACE_SECONDS", "0")]).await;
    let over = async |same: &ApiClient| {
        eventually("the session is over there, too", async || same.get("/user").await.status == 401).await;
    };
    same.get("/user").await.ok();
    let session = text(&ann.get("/session").await.ok()["items"][0]["id"]);
    ann.delete(&format!("/session/{session}")).await.ok_empty();
    over(&same).await;
    for way in ["logout", "reuse", "password", "deletion"] {
        let tokens = there.anonymous().post("/login", json!({"username": "ann", "password": PASSWORD})).await.ok();
        let (access, refresh) = (text(&tokens["access_token"]), json!({"refresh_token": tokens["refresh_token"]}));
        let (ann, same) = (here.with_token(&access), there.with_token(&access));
        same.get("/user").await.ok();
        match way {
            "logout" => here.anonymous().post("/logout", refresh).await.ok_empty(),
            "reuse" => {
                there.anonymous().post("/token/refresh", refresh.clone()).await.ok();
                here.anonymous().post("/token/refresh", refresh).await.refused(401, "invalid_token");
            }
            "password" => {
                // Setting the same password again also ends the sessions.
                let body = json!({"current_password": PASSWORD, "new_password": PASSWORD});
                ann.send(ann.request(reqwest::Method::PUT, "/user/password").json(&body)).await.ok_empty();
            }
            _ => ann.post("/user/delete", json!({"password": PASSWORD})).await.ok_empty(),
        }
        ann.get("/user").await.refused(401, "invalid_token");
        over(&same).await;
    }
}

#[tokio::test]
async fn one_refresh_token_used_at_both_at_once_keeps_its_session_within_the_grace() {
    let (here, there, _ann, _same) = two(&[]).await;
    let tokens = here.anonymous().post("/login", json!({"username": "ann", "password": PASSWORD})).await.ok();
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let (one, other) = (here.anonymous(), there.anonymous());
    for answer in join_all((0..6).map(|turn| [&one, &other][turn % 2].post("/token/refresh", body.clone()))).await {
        // Each can be used again, at either instance.
        let next = json!({"refresh_token": answer.ok()["refresh_token"]});
        let tokens = there.anonymous().post("/token/refresh", next).await.ok();
        here.with_token(&text(&tokens["access_token"])).get("/user").await.ok();
    }
}

#[tokio::test]
async fn one_refresh_token_used_at_both_at_once_without_a_grace_ends_its_session() {
    let (here, there, _ann, _same) = two(&[("REFRESH_GRACE_SECONDS", "0")]).await;
    for _ in 0..5 {
        let tokens = here.anonymous().post("/login", json!({"username": "ann", "password": PASSWORD})).await.ok();
        let body = json!({"refresh_token": tokens["refresh_token"]});
        let (one, other) = (here.anonymous(), there.anonymous());
        let uses = join_all((0..6).map(|turn| [&one, &other][turn % 2].post("/token/refresh", body.clone()))).await;
        assert_eq!(count(&uses, 200, 401), 1);
        let caller = there.with_token(&text(&tokens["access_token"]));
        eventually("the session is over", async || caller.get("/user").await.status == 401).await;
    }
}

#[tokio::test]
async fn attempts_are_counted_across_them() {
    let (here, there, ann, _same) = two(&[("RATE_LIMITS", "on")]).await;
    let (one, other) = (here.anonymous(), there.anonymous());
    let body = json!({"username": "ann", "password": "wrong guess"});
    let guesses = join_all((0..24).map(|turn| [&one, &other][turn % 2].post("/login", body.clone()))).await;
    assert_eq!(count(&guesses, 401, 429), 10);
    ann.get("/drive").await.ok();
}

#[tokio::test]
async fn ten_may_start_at_once_on_an_empty_database() {
    let place = Arc::new(Storage::untouched());
    let starting = (0..10).map(|_| {
        let place = place.clone();
        // Starting a server blocks its thread.
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Server::at(place, &[("DATABASE_CONNECTIONS", "2")]))
        })
    });
    let servers: Vec<Server> = join_all(starting).await.into_iter().map(Result::unwrap).collect();
    let token = servers[0].user("ann").await.token().to_owned();
    for (number, server) in servers.iter().enumerate() {
        server.anonymous().get("/health/ready").await.ok();
        server.with_token(&token).folder(&number.to_string(), None).await;
    }
    assert_eq!(servers[9].with_token(&token).names(None).await.len(), 10);
    assert_eq!(servers[0].run("migrate", &[]), "the schema is up to date\n");
}
