//! Texts of operations: a one-sentence summary, and a description that includes who may call the operation and how it
//! behaves when repeated.

use serde_json::{Map, Value, json};

use super::{IDEMPOTENT, METHODS};

/// Sets the summary and description of every operation.
pub(super) fn complete(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else { continue };
            describe(path, method, operation);
        }
    }
}

fn describe(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let said =
        ["summary", "description"].map(|key| operation.get(key).and_then(Value::as_str).unwrap_or("").to_owned());
    let [summary, more] = said;
    let (summary, rest) = first_sentence(&summary);
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or("").to_owned();
    let open = operation.get("security") == Some(&json!([]));
    let facts = [
        rest,
        more,
        format!("**Access:** {}", access(path, method, &id, open)),
        format!("**Repeating:** {}", repeating(path, method, &id)),
    ];
    let facts: Vec<String> = facts.into_iter().filter(|text| !text.trim().is_empty()).collect();
    operation.insert("summary".to_owned(), json!(summary));
    operation.insert("description".to_owned(), json!(facts.join("\n\n")));
}

/// Splits off the first sentence of `text`, up to a full stop or colon, on one line.
fn first_sentence(text: &str) -> (String, String) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = [". ", ": "].into_iter().filter_map(|mark| text.find(mark)).min();
    let Some((first, rest)) = end.and_then(|end| text.split_at_checked(end)) else {
        return (text.trim_end_matches('.').to_owned(), String::new());
    };
    let rest = rest.get(2..).unwrap_or("");
    let mut letters = rest.chars();
    let rest = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
    (first.to_owned(), rest.unwrap_or_default())
}

/// Who may call an operation.
fn access(path: &str, method: &str, id: &str, open: bool) -> &'static str {
    if path.starts_with("/s/") {
        return "anyone with the link, and with its password if it has one; an access token is ignored.";
    }
    if path.starts_with("/blob/") || (path == "/archive" && open) {
        return "anyone with the URL until it expires; an access token is ignored.";
    }
    if open {
        return "public; no access token.";
    }
    match id {
        "create_folder" | "create_file" => "an access token; `edit` on the folder, or no folder: one's own root.",
        "patch_folder" | "patch_file" => {
            "an access token; `edit` on the item and, for a move, on both folders. An item that is shared itself, \
             rather than a folder above it, is the owner's to rename and move."
        }
        "delete_folder" | "delete_file" => {
            "an access token; `edit`. An item that is shared itself, rather than a folder above it, is the owner's \
             to delete."
        }
        "create_archive" => "an access token; `view` on every item.",
        "copy_folder" | "copy_file" => {
            "an access token; `view` on the item, `edit` on the folder into which the copy goes."
        }
        "put_content" | "restore_version" => "an access token; `edit` on the file.",
        "create_share" | "patch_share" | "create_link" | "patch_link" | "delete_link" | "delete_version" => {
            "an access token; the owner of the item."
        }
        "delete_share" => "an access token; the owner of the item, or the guest, who leaves.",
        _ if path.ends_with("/share") || path.ends_with("/access") => "an access token; the owner of the item.",
        "restore_item" => {
            "an access token; the owner. For an hour also the guest who deleted the item and still has \
             `edit` on the folder."
        }
        _ if path.starts_with("/trash") => "an access token; the owner of the trash.",
        "sign_parts" | "complete_upload" => "an access token; the user who began the upload.",
        _ if path.starts_with("/upload") => {
            "an access token; the user who began the upload, and the owner of the drive that it goes into."
        }
        _ if (path.starts_with("/file/") || path.starts_with("/drive/")) && ["get", "head"].contains(&method) => {
            "an access token; `view` on the item."
        }
        _ => "an access token; what it shows or changes is the caller's own.",
    }
}

/// The effect of repeating a request after a lost response.
fn repeating(path: &str, method: &str, id: &str) -> &'static str {
    if path.ends_with("/content") && path.starts_with("/s/") && method == "get" {
        return "safe, but downloads are counted.";
    }
    if ["get", "head"].contains(&method) {
        return "safe.";
    }
    if IDEMPOTENT.contains(&id) {
        return "safe with the same `Idempotency-Key`, which gets the first answer again.";
    }
    match id {
        "login" => "safe; it begins another session.",
        "put_blob" => "safe: 412 `precondition_failed` says that the bytes are there.",
        "logout" => "safe; it answers the same.",
        "register" => "safe: 409 says that the account is there; log in.",
        "refresh_token" => {
            "safe within 30 s, the grace for lost answers. Later, a refresh token that was used ends the session."
        }
        _ if method == "delete" => "safe: 404 `not_found` says that it is done.",
        _ if method == "put" || method == "patch" => {
            "safe with `If-Match`, where it is taken: 412 `precondition_failed` then says that something has changed \
             since, be it by the first attempt. Without, it does the same once more."
        }
        _ => "does the same once more.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_first_sentence() {
        for (text, summary, rest) in [
            ("Makes a folder.", "Makes a folder", ""),
            ("Makes a\nfolder. Its name\nis free.", "Makes a folder", "Its name is free."),
            ("Ends a share: its guest leaves. At once.", "Ends a share", "Its guest leaves. At once."),
            ("OpenAPI 3.1, as JSON", "OpenAPI 3.1, as JSON", ""),
        ] {
            assert_eq!(first_sentence(text), (summary.to_owned(), rest.to_owned()), "{text}");
        }
    }
}
