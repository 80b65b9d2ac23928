//! Valid and invalid names of files and folders.

use serde_json::json;

use crate::support::{ApiClient, Server, text};

/// Invalid names, with the rule that they break.
fn hostile() -> Vec<(&'static str, String)> {
    let name = |rule, text: &str| (rule, text.to_owned());
    vec![
        name("empty", ""),
        name("dot", "."),
        name("dots", ".."),
        name("slash", "/"),
        name("slash", "a/b"),
        name("slash", "../../etc/passwd"),
        name("slash", "/etc/passwd"),
        name("backslash", "\\"),
        name("backslash", "..\\..\\boot.ini"),
        name("backslash", "C:\\Windows"),
        name("NUL", "a\0b"),
        name("NUL", "photo.jpg\0.exe"),
        name("control", "a\nb"),
        name("control", "a\r\nSet-Cookie: b"),
        name("control", "a\tb"),
        name("control", "a\u{1b}[2Jb"),
        name("control", "a\u{7f}b"),
        name("control", "a\u{85}b"),
        name("control", "a\u{9b}b"),
        name("override", "\u{202A}a"),
        name("override", "a\u{202B}b"),
        name("override", "a\u{202C}"),
        name("override", "a\u{202D}b"),
        name("override", "invoice\u{202E}fdp.exe"),
        name("isolate", "a\u{2066}b"),
        name("isolate", "a\u{2067}b"),
        name("isolate", "a\u{2068}b"),
        name("isolate", "a\u{2069}b"),
        name("blank", " "),
        name("blank", " a"),
        name("blank", "a "),
        name("blank", "\u{a0}a"),
        name("blank", "a\u{3000}"),
        name("blank", "\u{2003}a"),
        name("blank", "a\u{2028}"),
        ("long", "a".repeat(256)),
        ("long", "é".repeat(128)),
        ("long", "𝄞".repeat(64)),
        ("long", "a".repeat(10_000)),
    ]
}

/// Unusual but valid names.
fn odd() -> Vec<String> {
    let names = [
        "...",
        "..a",
        "a..",
        ".hidden",
        "no extension",
        "a.tar.gz",
        "CON",
        "nul.txt",
        "COM1:",
        "%2e%2e",
        "%2F",
        "%00",
        "100%",
        "~",
        "-rf",
        "$(reboot)",
        "'; DROP TABLE nodes; --",
        "\"quoted\"",
        "<script>alert(1)<script>",
        "what? *really*|:",
        "root",
        "null",
        "019ab0c2-7a00-7000-8000-000000000000",
        "日本語のファイル",
        "مرحبا",
        "שלום",
        "👩‍👩‍👧.png",
        "a\u{200b}b",
        "a\u{200f}b",
        "\u{feff}bom",
        "ﬁ",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).into();
    names.extend(["a".repeat(255), format!("{}x", "é".repeat(127)), format!("{}abc", "𝄞".repeat(63))]);
    names
}

#[tokio::test]
async fn a_hostile_name_is_refused_wherever_a_name_is_given() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = format!("/drive/{}", ann.folder("Top", None).await);
    let file = format!("/file/{}", text(&ann.upload("note.txt", b"note", None).await["id"]));
    for (rule, name) in hostile() {
        eprintln!("{rule}: {:?}", name.chars().take(40).collect::<String>());
        ann.post("/drive", json!({"folder_name": name})).await.refused_field("folder_name");
        ann.patch(&folder, json!({"folder_name": name})).await.refused_field("folder_name");
        ann.begin(&name, 1, None).await.refused_field("file_name");
        ann.patch(&file, json!({"file_name": name})).await.refused_field("file_name");
        // An empty form field counts as absent.
        if !name.is_empty() {
            ann.send_form(&[("file_name", &name)], "fine.txt", b"x").await.refused_field("file_name");
        }
    }
    assert_eq!(ann.names(None).await, ["note.txt", "Top"]);
}

#[tokio::test]
async fn an_odd_name_is_kept_to_the_letter() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (folders, files) = (ann.folder("folders", None).await, ann.folder("files", None).await);
    for name in odd() {
        let folder = ann.post("/drive", json!({"folder_name": name, "parent_folder_id": folders})).await.ok();
        assert_eq!(folder["name"], json!(name));
        let file = ann.upload(&name, name.as_bytes(), Some(&files)).await;
        assert_eq!(file["name"], json!(name));
        assert_eq!(ann.download(&text(&file["id"])).await, name.as_bytes());
    }
    for parent in [folders, files] {
        let (mut listed, mut expected) = (ann.names(Some(&parent)).await, odd());
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected);
    }
}

#[tokio::test]
async fn a_name_is_stored_in_normalisation_form_c_and_taken_in_every_form() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (decomposed, composed) = ("cafe\u{301}", "caf\u{e9}");
    assert_eq!(made(&ann, decomposed).await, composed);
    for name in [composed, decomposed] {
        let problem = ann.post("/drive", json!({"folder_name": name})).await.refused(409, "name_taken");
        assert_eq!(problem["conflict"]["suggested_name"], json!(format!("{composed} (1)")));
        ann.begin(name, 1, None).await.refused(409, "name_taken");
    }
    let other = ann.folder("other", None).await;
    let renamed = ann.patch(&format!("/drive/{other}"), json!({"folder_name": "A\u{30a}ngstro\u{308}m"})).await.ok();
    assert_eq!(renamed["name"], "Ångström");
    // NFC turns the Kelvin sign into a K, and 382 bytes into 255.
    assert_eq!(made(&ann, "300 \u{212a}").await, "300 K");
    assert_eq!(made(&ann, &format!("{}x", "e\u{301}".repeat(127))).await, format!("{}x", "é".repeat(127)));
}

/// Creates a folder; returns the name that it gets.
async fn made(user: &ApiClient, name: &str) -> String {
    text(&user.post("/drive", json!({"folder_name": name})).await.ok()["name"])
}
