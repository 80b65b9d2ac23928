//! Texts of operations: a one-sentence summary, and a description that includes who may call the operation and how it
//! behaves when repeated.

use utoipa::openapi::path::Operation;

use crate::endpoint::{Access, Endpoint, Idempotency};

/// Sets the summary and description of an operation of the endpoint.
pub(super) fn describe(operation: &mut Operation, method: &str, endpoint: &Endpoint) {
    let (summary, rest) = first_sentence(operation.summary.as_deref().unwrap_or(""));
    let facts = [
        rest,
        operation.description.take().unwrap_or_default(),
        format!("**Access:** {}", access(endpoint.access)),
        format!("**Repeating:** {}", repeating(endpoint.idempotency, method)),
    ];
    let facts: Vec<String> = facts.into_iter().filter(|text| !text.trim().is_empty()).collect();
    operation.summary = Some(summary);
    operation.description = Some(facts.join("\n\n"));
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
fn access(access: Access) -> String {
    match access {
        Access::Public => "public; no access token.".to_owned(),
        Access::Link => {
            "anyone with the link, and with its password if it has one; an access token is ignored.".to_owned()
        }
        Access::SignedUrl => "anyone with the URL until it expires; an access token is ignored.".to_owned(),
        Access::Token(users) | Access::AnyToken(users) => format!("an access token; {users}"),
    }
}

/// The effect of repeating a request after a lost response.
fn repeating(idempotency: Idempotency, method: &str) -> &'static str {
    match (idempotency, method) {
        (_, "head") => "safe.",
        (Idempotency::Described(text), _) => text,
        (Idempotency::Keyed | Idempotency::KeyedStream, _) => {
            "safe with the same `Idempotency-Key`, which gets the first answer again."
        }
        (Idempotency::ByMethod, "get") => "safe.",
        (Idempotency::ByMethod, "delete") => "safe: 404 `not_found` says that it is done.",
        (Idempotency::ByMethod, "put" | "patch") => {
            "safe with `If-Match`, where it is taken: 412 `precondition_failed` then says that something has changed \
             since, be it by the first attempt. Without, it does the same once more."
        }
        (Idempotency::ByMethod, _) => "does the same once more.",
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
