//! The form of `POST /file` in Swagger UI, filled in with a real browser.

use serde_json::json;

use crate::support::{Browser, Server, eventually, text};

/// Waits for an element below that of the operation, and returns it.
async fn find(browser: &Browser, selector: &str) -> String {
    let selector = format!("#operations-files-create_file {selector}");
    let mut found = None;
    eventually(&format!("the page has {selector}"), async || {
        let element = browser.command("element", json!({"using": "css selector", "value": selector})).await;
        found = element.ok().and_then(|element| Some(element.as_object()?.values().next()?.as_str()?.to_owned()));
        found.is_some()
    })
    .await;
    found.unwrap()
}

async fn click(browser: &Browser, selector: &str) {
    let element = find(browser, selector).await;
    browser.command(&format!("element/{element}/click"), json!({})).await.unwrap();
}

/// Types into a field, or chooses a file by its path.
async fn fill_in(browser: &Browser, field: &str, value: &str) {
    let element = find(browser, &format!("[data-property-name={field}] input:not([type=checkbox])")).await;
    browser.command(&format!("element/{element}/value"), json!({"text": value})).await.unwrap();
}

#[tokio::test]
async fn a_person_uploads_a_file_with_the_form_of_the_documentation() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Box", None).await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/docs/", server.url())).await;
    click(&browser, ".opblock-summary-control").await;
    browser.run("window.ui.preauthorizeApiKey('bearer', given[0])", vec![json!(ann.token())]).await.unwrap();
    click(&browser, ".try-out__btn").await;
    click(&browser, ".opblock-section-request-body select option[value='multipart/form-data']").await;

    // The file alone: empty fields count as absent.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("letter.txt");
    std::fs::write(&path, b"Dear Ben,\n").unwrap();
    fill_in(&browser, "file", path.to_str().unwrap()).await;
    click(&browser, ".execute").await;
    eventually("the file is there", async || ann.names(None).await == ["Box", "letter.txt"]).await;
    let file = ann.get("/drive").await.ok()["items"][1].clone();
    assert_eq!((&file["content_type"], &file["size_in_bytes"]), (&json!("text/plain"), &json!(10)));
    assert_eq!(ann.download(&text(&file["id"])).await, b"Dear Ben,\n");

    // With fields, which the browser sends before and after the file.
    for (field, value) in
        [("parent_folder_id", folder.as_str()), ("file_name", "answer"), ("content_type", "text/x-letter")]
    {
        fill_in(&browser, field, value).await;
    }
    click(&browser, ".execute").await;
    eventually("the second file is there", async || ann.names(Some(&folder)).await == ["answer"]).await;
    let file = ann.get(&format!("/drive/{folder}")).await.ok()["items"][0].clone();
    assert_eq!((&file["content_type"], &file["size_in_bytes"]), (&json!("text/x-letter"), &json!(10)));
}
