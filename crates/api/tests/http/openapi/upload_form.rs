//! The form of `POST /file` in Swagger UI, filled in by a person in a real browser.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::json;

use crate::support::{Browser, Server, text};

const OPERATION: &str = "#operations-files-create_file";

/// Waits for an element below that of the operation.
async fn find(page: &Client, selector: &str) -> Element {
    let selector = format!("{OPERATION} {selector}");
    let found = page.wait().at_most(Duration::from_secs(30)).for_element(Locator::Css(&selector)).await;
    found.unwrap_or_else(|fault| panic!("{selector}: {fault}"))
}

#[tokio::test]
async fn a_person_uploads_a_file_with_the_form_of_the_documentation() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Letters", None).await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/docs/", server.url())).await;
    let page = browser.client();
    find(page, ".opblock-summary-control").await.click().await.unwrap();
    browser.run("window.ui.preauthorizeApiKey('bearer', given[0])", vec![json!(ann.token())]).await.unwrap();
    find(page, ".try-out__btn").await.click().await.unwrap();
    let kinds = find(page, ".opblock-section-request-body select.content-type").await;
    kinds.select_by_value("multipart/form-data").await.unwrap();

    // The file alone: what is not filled in is empty, and says nothing.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("letter.txt");
    std::fs::write(&path, b"Dear Ben,\n").unwrap();
    find(page, "[data-property-name=file] input[type=file]").await.send_keys(path.to_str().unwrap()).await.unwrap();
    find(page, ".execute").await.click().await.unwrap();
    find(page, ".live-responses-table .response[data-code='201']").await;
    let (files, shown) = (ann.get("/drive").await.ok(), ann.names(None).await);
    assert_eq!(shown, ["Letters", "letter.txt"]);
    assert_eq!(ann.download(&text(&files["items"][1]["id"])).await, b"Dear Ben,\n");

    // And with fields, which the browser sends partly before the file and partly after it.
    for (field, value) in [("file_name", "answer.txt"), ("parent_folder_id", folder.as_str()), ("content_type", "text/x-letter")] {
        let input = find(page, &format!("[data-property-name={field}] input[type=text]")).await;
        input.send_keys(value).await.unwrap();
    }
    find(page, ".execute").await.click().await.unwrap();
    let list = format!("/drive/{folder}");
    crate::support::eventually("the file is there", async || ann.names(Some(&folder)).await == ["answer.txt"]).await;
    let answer = &ann.get(&list).await.ok()["items"][0];
    assert_eq!((&answer["content_type"], &answer["size_in_bytes"]), (&json!("text/x-letter"), &json!(10)));
}
