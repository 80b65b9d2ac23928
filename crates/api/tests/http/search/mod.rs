//! `GET /search`.

use serde_json::{Value, json};

use crate::support::{ABSENT, ApiClient, Server, sql_id, text};

fn encoded(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// All results of `query`, page by page, with further parameters.
async fn found_with(user: &ApiClient, query: &str, more: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/search?q={}{more}{cursor}", encoded(query))).await.ok();
        found.extend(page["items"].as_array().unwrap().clone());
        if page["next_cursor"].is_null() {
            return found;
        }
        cursor = format!("&cursor={}", text(&page["next_cursor"]));
    }
}

/// The names of the results.
async fn found(user: &ApiClient, query: &str) -> Vec<String> {
    names(&found_with(user, query, "").await)
}

fn names(found: &[Value]) -> Vec<String> {
    found.iter().map(|one| text(&one["item"]["name"])).collect()
}

#[tokio::test]
async fn results_have_the_item_and_its_path() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let house = ann.folder("House", None).await;
    let kitchen = ann.folder("Kitchen", Some(&house)).await;
    let file = text(&ann.upload("Plan of the oven.txt", b"hot", Some(&kitchen)).await["id"]);
    ann.share_folder(&kitchen, "ben", "view").await;
    let steps = |ids: &[(&str, &str)]| ids.iter().map(|(id, name)| json!({"id": id, "name": name})).collect::<Vec<_>>();
    let whole = [(house.as_str(), "House"), (&kitchen, "Kitchen"), (&file, "Plan of the oven.txt")];
    for (user, path) in [(&ann, &whole[..]), (&ben, &whole[1..])] {
        let page = user.get("/search?q=OVEN").await.ok();
        let mut item = user.get(&format!("/file/{file}")).await.ok();
        item.as_object_mut().unwrap().remove("download").unwrap();
        assert_eq!(page, json!({"items": [{"item": item, "path": steps(path)}], "next_cursor": null}));
    }
    let page = ben.get("/search?q=kitchen").await.ok();
    assert_eq!(page["items"][0]["item"]["parent_folder_id"], Value::Null, "what is above is not for ben");
    assert_eq!(page["items"][0]["item"], ben.get(&format!("/drive/{kitchen}")).await.ok()["folder"]);
}

#[tokio::test]
async fn names_are_found_in_any_case_and_script_and_no_character_stands_for_others() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for name in ["Große Straße", "ΣΊΣΥΦΟΣ", "新日本語の本", "🎉🎊🎈", "50% off", "a_b c", "50x off", "axb c"]
    {
        ann.folder(name, None).await;
    }
    for (query, expected) in [
        ("STRASSE", vec!["Große Straße"]),
        ("gro\u{1e9e}", vec!["Große Straße"]),
        ("σίσυφος", vec!["ΣΊΣΥΦΟΣ"]),
        ("日本語", vec!["新日本語の本"]),
        ("新", vec!["新日本語の本"]),
        ("本", vec!["新日本語の本"]),
        ("語の", vec!["新日本語の本"]),
        ("GROSSE", vec!["Große Straße"]),
        ("σισυφος", vec!["ΣΊΣΥΦΟΣ"]),
        ("ｏｆｆ", vec!["50% off", "50x off"]),
        ("x", vec!["50x off", "axb c"]),
        ("🎉🎊🎈", vec!["🎉🎊🎈"]),
        ("50%", vec!["50% off"]),
        ("A_B", vec!["a_b c"]),
        ("%%%", vec![]),
        ("a\\b", vec![]),
        ("' OR 1=1 --", vec![]),
        ("\" OR \"", vec![]),
        (" off", vec!["50% off", "50x off"]),
    ] {
        assert_eq!(found(&ann, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn guests_find_shared_items_while_shared_and_strangers_nothing() {
    let server = Server::start().await;
    let (ann, ben, cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    let top = ann.folder("treasure map", None).await;
    let shared = ann.folder("treasure chest", Some(&top)).await;
    ann.upload("treasure.txt", b"gold", Some(&shared)).await;
    cara.folder("treasure of cara", None).await;
    let share = ann.share_folder(&shared, "ben", "view").await;
    assert_eq!(found(&ann, "treasure").await, ["treasure chest", "treasure map", "treasure.txt"]);
    assert_eq!(found(&ben, "treasure").await, ["treasure chest", "treasure.txt"]);
    assert_eq!(found(&cara, "treasure").await, ["treasure of cara"]);
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    assert_eq!(found(&ben, "treasure").await, Vec::<String>::new());
    assert_eq!(found(&ben, "tr").await, Vec::<String>::new());
}

#[tokio::test]
async fn trashed_items_and_their_contents_are_not_found() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("old letters", None).await;
    let inner = ann.folder("letters of spring", Some(&top)).await;
    ann.upload("letter.txt", b"dear", Some(&inner)).await;
    ann.share_folder(&inner, "ben", "edit").await;
    server.execute(&format!("UPDATE nodes SET trashed_at = 5 WHERE id = {}", sql_id(&top)));
    for user in [&ann, &ben] {
        for query in ["letter", "le", "old"] {
            assert_eq!(found(user, query).await, Vec::<String>::new(), "{query}");
        }
    }
    ann.get(&format!("/search?q=letter&in={inner}")).await.refused(404, "not_found");
    server.execute("UPDATE nodes SET trashed_at = NULL");
    assert_eq!(found(&ben, "letter").await, ["letters of spring", "letter.txt"]);
}

#[tokio::test]
async fn a_search_below_a_folder_or_of_one_kind_finds_no_more_than_that() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let music = ann.folder("music", None).await;
    let inner = ann.folder("more music", Some(&music)).await;
    let song = text(&ann.upload("music of the night.mp3", b"la", Some(&inner)).await["id"]);
    ann.folder("music elsewhere", None).await;
    for (more, expected) in [
        (format!("&in={music}"), vec!["more music", "music of the night.mp3"]),
        (format!("&in={inner}"), vec!["music of the night.mp3"]),
        (format!("&in={music}&type=folder"), vec!["more music"]),
        ("&type=file".to_owned(), vec!["music of the night.mp3"]),
        ("&type=folder".to_owned(), vec!["more music", "music", "music elsewhere"]),
    ] {
        assert_eq!(names(&found_with(&ann, "music", &more).await), expected, "{more}");
    }
    for nowhere in [song.as_str(), ABSENT] {
        ann.get(&format!("/search?q=music&in={nowhere}")).await.refused(404, "not_found");
    }
    let ben = server.user("ben").await;
    ben.get(&format!("/search?q=music&in={music}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn pages_make_one_list_and_a_cursor_is_for_its_own_search() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let shelf = ben.folder("shelf", None).await;
    ben.share_folder(&shelf, "ann", "view").await;
    for name in ["tool 3", "Tool 1", "tool 10", "TOOL 2", "a tool"] {
        ann.folder(name, None).await;
        ben.folder(name, Some(&shelf)).await;
        ben.folder(&format!("{name} of ben's own"), None).await;
    }
    let whole = found_with(&ann, "tool", "").await;
    assert_eq!(
        names(&whole),
        ["a tool", "Tool 1", "TOOL 2", "tool 3", "tool 10", "tool 3", "Tool 1", "tool 10", "TOOL 2", "a tool"]
    );
    for limit in [1, 3, 4, 9, 10] {
        assert_eq!(found_with(&ann, "tool", &format!("&limit={limit}")).await, whole, "in pages of {limit}");
    }
    let cursor = text(&ann.get("/search?q=tool&limit=2").await.ok()["next_cursor"]);
    assert_eq!(ann.get(&format!("/search?q=TOOL&cursor={cursor}")).await.ok()["items"].as_array().unwrap().len(), 8);
    for other in ["q=tools", "q=tool&type=folder", &format!("q=tool&in={ABSENT}")] {
        ann.get(&format!("/search?{other}&cursor={cursor}")).await.refused(400, "invalid_cursor");
    }
    ben.get(&format!("/search?q=tool&cursor={cursor}")).await.refused(400, "invalid_cursor");
    let list = text(&ann.get("/drive?limit=1").await.ok()["next_cursor"]);
    for foreign in [list.as_str(), "abc"] {
        ann.get(&format!("/search?q=tool&cursor={foreign}")).await.refused(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn invalid_searches_are_explained() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for bad in [
        "".to_owned(),
        "q=".to_owned(),
        format!("q={}", "a".repeat(256)),
        "q=a%00b".to_owned(),
        "q=abc&limit=0".to_owned(),
        "q=abc&limit=1001".to_owned(),
        "q=abc&type=root".to_owned(),
        "q=abc&in=here".to_owned(),
        "q=abc&sort_by=size".to_owned(),
    ] {
        ann.get(&format!("/search?{bad}")).await.refused(422, "validation_failed");
    }
    ann.get("/search?q=abc&q=abd").await.refused(400, "malformed_request");
    server.anonymous().get("/search?q=abc").await.refused(401, "unauthenticated");
    assert_eq!(found(&ann, &"é".repeat(127)).await, Vec::<String>::new());
}

#[tokio::test]
async fn unshared_items_of_others_add_no_pages() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let shared = ann.folder("shared", None).await;
    ann.share_folder(&shared, "ben", "view").await;
    for number in 0..4 {
        ann.folder(&format!("needle {number}"), Some(&shared)).await;
    }
    let pages = async || {
        let (mut counts, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ben.get(&format!("/search?q=needle&limit=3{cursor}")).await.ok();
            counts.push(page["items"].as_array().unwrap().len());
            if page["next_cursor"].is_null() {
                return counts;
            }
            cursor = format!("&cursor={}", text(&page["next_cursor"]));
        }
    };
    assert_eq!(pages().await, [3, 1]);
    let hidden = ann.folder("needles that are hidden", None).await;
    for number in 0..30 {
        ann.folder(&format!("needle {number}"), Some(&hidden)).await;
    }
    assert_eq!(pages().await, [3, 1]);
}
