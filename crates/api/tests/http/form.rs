use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use crate::support::{ApiClient, ApiResponse, RawConnection, Server, sha256, text};

async fn send(caller: &ApiClient, form: Form) -> ApiResponse {
    caller.send(caller.request(Method::POST, "/file").multipart(form)).await
}

/// The part `file` with five bytes.
fn hello() -> Part {
    Part::bytes(b"hello".as_slice()).file_name("hello.txt")
}

/// Asserts that no file, bytes or reservation are left.
async fn assert_untouched(server: &Server, caller: &ApiClient) {
    assert_eq!(caller.names(None).await, Vec::<String>::new());
    let quota = caller.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(0), &json!(0)));
    assert!(server.blobs().is_empty() && server.unfinished().is_empty());
}

#[tokio::test]
async fn a_part_is_all_that_a_file_needs() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let answer = send(&ann, Form::new().part("file", hello().mime_str("text/x-greeting").unwrap())).await;
    assert_eq!(answer.status, 201);
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let file = answer.ok();
    assert_eq!(location, format!("/file/{}", text(&file["id"])));
    assert_eq!(etag, text(&file["etag"]));
    for (field, expected) in [
        ("kind", json!("file")),
        ("name", json!("hello.txt")),
        ("size_in_bytes", json!(5)),
        ("content_type", json!("text/x-greeting")),
        ("sha256", json!(sha256(b"hello"))),
        ("client_modified_at", json!(null)),
        ("parent_folder_id", json!(null)),
        ("permission", json!("owner")),
    ] {
        assert_eq!(file[field], expected, "{field}");
    }
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(5), &json!(0)));
}

#[tokio::test]
async fn form_fields_take_precedence_over_part_headers() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("greetings", None).await;
    let digest = sha256(b"hello");
    let form = Form::new()
        .text("file_name", "bonjour.txt")
        .text("file_size_in_bytes", "5")
        .text("parent_folder_id", folder.clone())
        .text("file_conflict", "FAIL")
        .text("content_type", "text/plain; charset=utf-8")
        .text("sha256", digest.clone())
        .text("client_modified_at", "2026-11-22T08:12:00+02:00")
        .part("file", hello().mime_str("text/html").unwrap());
    let file = send(&ann, form).await.ok();
    for (field, expected) in [
        ("name", "bonjour.txt"),
        ("content_type", "text/plain; charset=utf-8"),
        ("client_modified_at", "2026-11-22T06:12:00.000Z"),
        ("sha256", digest.as_str()),
        ("parent_folder_id", folder.as_str()),
    ] {
        assert_eq!(file[field], expected, "{field}");
    }
    assert_eq!(ann.names(Some(&folder)).await, ["bonjour.txt"]);
}

#[tokio::test]
async fn the_default_type_of_http_libraries_is_none_on_a_part_and_one_in_a_field() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    const FORM: &str = "application/x-www-form-urlencoded";
    let part = |name: &'static str| Part::bytes(&b"a=1"[..]).file_name(name).mime_str(FORM).unwrap();
    for (form, expected) in [
        (Form::new().part("file", part("a.txt")), "text/plain"),
        (Form::new().part("file", part("b")), "application/octet-stream"),
        (Form::new().text("content_type", FORM).part("file", part("c.txt")), FORM),
    ] {
        assert_eq!(send(&ann, form).await.ok()["content_type"], expected);
    }
}

#[tokio::test]
async fn file_names_are_accepted_in_every_client_encoding() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    // As sent by browsers and curl, then by some libraries.
    for (parameter, name) in [
        ("filename=\"Grüße aus Köln.txt\"", "Grüße aus Köln.txt"),
        ("filename=\"a \\\"quoted\\\" name\"", "a \"quoted\" name"),
        ("filename=plain", "plain"),
        ("filename*=utf-8''Stra%C3%9Fe%20%28neu%29.txt", "Straße (neu).txt"),
        ("filename=\"fallback.txt\"; filename*=UTF-8''%E2%82%AC.txt", "€.txt"),
    ] {
        let body =
            format!("--b\r\nContent-Disposition: form-data; name=\"file\"; {parameter}\r\n\r\nhello\r\n--b--\r\n");
        let request = ann.request(Method::POST, "/file").header("Content-Type", "multipart/form-data; boundary=b");
        assert_eq!(ann.send(request.body(body)).await.ok()["name"], name);
    }
    assert_eq!(ann.send_form(&[], "Ärger.txt", b"x").await.ok()["name"], "Ärger.txt");
}

#[tokio::test]
async fn an_empty_file_goes_up_too() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.send_form(&[("file_size_in_bytes", "0"), ("sha256", &sha256(b""))], "empty", b"").await.ok();
    assert_eq!(file["size_in_bytes"], 0);
    assert_eq!(ann.download(&text(&file["id"])).await, b"");
}

#[tokio::test]
async fn fields_count_before_the_file_and_after_it() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    let form = Form::new()
        .text("content_type", "text/x-early")
        .part("file", hello())
        .text("parent_folder_id", top.clone())
        .text("file_name", "late.txt")
        .text("file_size_in_bytes", "5")
        .text("sha256", sha256(b"hello"))
        .text("client_modified_at", "2026-11-22T06:12:00.000Z");
    let file = send(&ben, form).await.ok();
    for (field, expected) in [
        ("name", "late.txt"),
        ("content_type", "text/x-early"),
        ("client_modified_at", "2026-11-22T06:12:00.000Z"),
        ("parent_folder_id", top.as_str()),
    ] {
        assert_eq!(file[field], expected, "{field}");
    }
    assert_eq!(
        (ann.quota().await["used_bytes"].clone(), ben.quota().await["used_bytes"].clone()),
        (json!(5), json!(0))
    );
    let again =
        || Form::new().part("file", hello()).text("parent_folder_id", top.clone()).text("file_name", "late.txt");
    send(&ann, again()).await.refused(409, "name_taken");
    assert_eq!(send(&ann, again().text("file_conflict", "Keep")).await.ok()["name"], "late (1).txt");
    send(&ann, again().text("file_conflict", "Replace").text("file_size_in_bytes", "6"))
        .await
        .refused(422, "size_mismatch");
    send(&ann, again().text("file_conflict", "Replace").text("sha256", sha256(b"jello")))
        .await
        .refused(422, "checksum_mismatch");
    let problem = send(&ann, Form::new().part("file", hello()).text("parent_folder_id", "root")).await;
    problem.refused_field("parent_folder_id");
    let stranger = server.user("cleo").await;
    send(&stranger, Form::new().part("file", hello()).text("parent_folder_id", top.clone()))
        .await
        .refused(404, "not_found");
    assert_files(&ann, &[("late (1).txt", &top), ("late.txt", &top)]).await;
    assert_eq!(server.blobs().len(), 2, "what was refused leaves no bytes behind");
}

/// Asserts that the folder contains exactly these files.
async fn assert_files(caller: &ApiClient, files: &[(&str, &String)]) {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(caller.names(Some(files[0].1)).await, names);
}

#[tokio::test]
async fn a_field_that_is_left_empty_says_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let fields = [
        ("file_name", ""),
        ("file_size_in_bytes", ""),
        ("parent_folder_id", ""),
        ("file_conflict", ""),
        ("content_type", ""),
        ("sha256", ""),
        ("client_modified_at", ""),
    ];
    let file = ann.send_form(&fields, "note.txt", b"note").await.ok();
    assert_eq!((&file["name"], &file["parent_folder_id"]), (&json!("note.txt"), &json!(null)));
    assert_eq!(file["content_type"], "text/plain");
    ann.send_form(&[("file_name", ""), ("file_name", "")], "a.txt", b"a").await.refused(400, "malformed_request");
    ann.send_form(&[("other", "")], "a.txt", b"a").await.refused_field("other");
}

#[tokio::test]
async fn one_file_comes_with_a_form() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for form in [
        Form::new().part("file", hello()).part("file", hello()),
        Form::new().part("file", hello()).text("anything", "else"),
    ] {
        send(&ann, form).await.refused(422, "validation_failed");
    }
    let problem = send(&ann, Form::new().text("file_name", "a.txt")).await.refused(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "file");
    // A form without fields is malformed.
    send(&ann, Form::new()).await.refused(400, "malformed_request");
    assert_untouched(&server, &ann).await;
}

#[tokio::test]
async fn each_field_that_makes_no_sense_is_named() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let long = "x".repeat(256);
    for (field, value) in [
        ("folder", "x"),
        ("parent_folder", "x"),
        ("parent_folder_id", "root"),
        ("file_name", "a/b"),
        ("file_name", &long),
        ("file_size_in_bytes", "-1"),
        ("file_size_in_bytes", "5.0"),
        ("file_size_in_bytes", "99999999999999999999"),
        ("file_conflict", "overwrite"),
        ("content_type", "text"),
        ("content_type", "text/html\r\nX-Evil: 1"),
        ("sha256", "abc"),
        ("client_modified_at", "now"),
    ] {
        let problem = ann.send_form(&[(field, value)], "a.txt", b"a").await.refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{field} = {value:?}");
    }
    for name in ["../../etc/passwd", "C:\\evil.exe", "..", "\u{202e}gpj.exe"] {
        let problem = ann.send_form(&[], name, b"a").await.refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "file_name", "{name}");
    }
    let nameless = Form::new().part("file", Part::bytes(b"hello".as_slice()));
    assert_eq!(send(&ann, nameless).await.refused(422, "validation_failed")["errors"][0]["field"], "file_name");
    for fields in [&[("file_name", "a"), ("file_name", "b")], &[("sha256", &*long), ("sha256", &*long)]] {
        ann.send_form(fields, "a.txt", b"a").await.refused(400, "malformed_request");
    }
    assert_untouched(&server, &ann).await;
}

#[tokio::test]
async fn other_bytes_than_announced_are_refused_and_leave_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for size in ["4", "6", "0", "5000"] {
        ann.send_form(&[("file_size_in_bytes", size)], "a.txt", b"hello").await.refused(422, "size_mismatch");
    }
    ann.send_form(&[("sha256", &sha256(b"jello"))], "a.txt", b"hello").await.refused(422, "checksum_mismatch");
    assert_untouched(&server, &ann).await;
    ann.send_form(&[("file_size_in_bytes", "5"), ("sha256", &sha256(b"hello"))], "a.txt", b"hello").await.ok();
}

#[tokio::test]
async fn more_than_the_quota_allows_never_reaches_the_disk() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1000")]).await;
    let ann = server.user("ann").await;
    // Whether the size was announced or not, the problem has the sender's quota.
    for fields in [&[][..], &[("file_size_in_bytes", "8000000")]] {
        let problem = ann.send_form(fields, "big.bin", &vec![7; 8_000_000]).await.refused(403, "quota_exceeded");
        let quota = &problem["quota"];
        assert_eq!((&quota["total_bytes"], &quota["used_bytes"]), (&json!(1000), &json!(0)));
        assert!(quota["needed_bytes"].as_u64().unwrap() > 1000, "{quota}");
    }
    ann.send_form(&[], "big.bin", &[7; 1001]).await.refused(403, "quota_exceeded");
    assert_untouched(&server, &ann).await;
    ann.send_form(&[], "full.bin", &[7; 1000]).await.ok();
    ann.send_form(&[], "one.bin", &[7]).await.refused(403, "quota_exceeded");
    ann.send_form(&[], "none.bin", &[]).await.ok();
    assert_eq!(ann.quota().await["available_bytes"], 0);
}

#[tokio::test]
async fn a_taken_name_is_dealt_with_as_the_sender_wishes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let first = ann.send_form(&[], "plan.txt", b"plan A").await.ok();
    let problem = ann.send_form(&[], "plan.txt", b"plan B").await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["item"]["id"], first["id"]);
    assert_eq!(problem["conflict"]["suggested_name"], "plan (1).txt");
    let kept = ann.send_form(&[("file_conflict", "keep")], "plan.txt", b"plan B").await.ok();
    assert_eq!(kept["name"], "plan (1).txt");
    let replaced = ann.send_form(&[("file_conflict", "Replace")], "plan.txt", b"plan C").await.ok();
    assert_eq!((&replaced["id"], &replaced["created_at"]), (&first["id"], &first["created_at"]));
    assert_ne!(replaced["version_id"], first["version_id"]);
    assert_eq!(ann.names(None).await, ["plan (1).txt", "plan.txt"]);
    assert_eq!(ann.download(&text(&first["id"])).await, b"plan C");
    let quota = ann.quota().await;
    // The replaced content is kept as a version.
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(18), &json!(0)));
}

#[tokio::test]
async fn a_large_file_goes_up_and_down_as_a_stream() {
    use sha2::Digest;
    const PIECE: usize = 1 << 20;
    const PIECES: u32 = 64;
    let piece = |number: u32| -> Vec<u8> { (0..PIECE as u32).map(|at| (at ^ (number * 31)) as u8).collect() };
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let pieces = (0..PIECES).map(move |number| Ok::<_, std::io::Error>(piece(number)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let file = send(&ann, Form::new().part("file", Part::stream(body).file_name("large.bin"))).await.ok();
    let mut digest = sha2::Sha256::new();
    (0..PIECES).for_each(|number| digest.update(piece(number)));
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(file["size_in_bytes"], PIECE as u64 * u64::from(PIECES));
    assert_eq!(text(&file["sha256"]), digest);
    assert_eq!(sha256(&ann.download(&text(&file["id"])).await), digest);
}

#[tokio::test]
async fn a_form_that_is_none_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello";
    let many = "--b\r\nContent-Disposition: form-data; name=\"file_name\"\r\n\r\nx\r\n".repeat(100);
    let long = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file_name\"\r\nX: {}\r\n\r\nx\r\n--b--\r\n",
        "x".repeat(200_000)
    );
    let field = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file_name\"\r\n\r\n{}\r\n--b--\r\n",
        "x".repeat(200_000)
    );
    for (kind, body) in [
        ("multipart/form-data", format!("{part}\r\n--b--\r\n")),
        ("multipart/form-data; boundary=", format!("{part}\r\n--b--\r\n")),
        ("multipart/form-data; boundary=other", format!("{part}\r\n--b--\r\n")),
        ("multipart/form-data; boundary=b", String::new()),
        ("multipart/form-data; boundary=b", "no form at all".to_owned()),
        ("multipart/form-data; boundary=b", part.to_owned()),
        ("multipart/form-data; boundary=b", format!("{part}\r\n--b")),
        ("multipart/form-data; boundary=b", format!("{part}\r\n--b\r\n")),
        ("multipart/form-data; boundary=b", "--b\r\n\r\nhello\r\n--b--\r\n".to_owned()),
        ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n".to_owned()),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: attachment; name=\"file\"\r\n\r\nx\r\n--b--\r\n".to_owned(),
        ),
        ("multipart/form-data; boundary=b", "--b--\r\n".to_owned()),
        ("multipart/form-data; boundary=b", many),
        ("multipart/form-data; boundary=b", long),
        ("multipart/form-data; boundary=b", field),
    ] {
        let request = ann.request(Method::POST, "/file").header("Content-Type", kind);
        let shown = body.get(..60).unwrap_or(&body).to_owned();
        let answer = ann.send(request.body(body)).await;
        assert!((400..500).contains(&answer.status), "{kind} {shown:?}: {} {}", answer.status, answer.text());
    }
    assert_untouched(&server, &ann).await;
}

#[tokio::test]
async fn a_form_that_ends_too_early_becomes_no_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello";
    for end in ["", "\r\n", "\r\n--", "\r\n--b"] {
        let mut wire = RawConnection::to(&server).await;
        let length = (part.len() + 100).to_string();
        let headers = [("Content-Type", "multipart/form-data; boundary=b"), ("Content-Length", length.as_str())];
        wire.head(&ann, "POST", "/file", &headers).await;
        wire.send(format!("{part}{end}")).await;
        wire.end().await;
        if let Some(answer) = wire.next_answer().await {
            assert!((400..500).contains(&answer.status), "{}", answer.text());
        }
    }
    crate::support::eventually("nothing is left", async || server.blobs().is_empty() && server.unfinished().is_empty())
        .await;
    assert_untouched(&server, &ann).await;
}
