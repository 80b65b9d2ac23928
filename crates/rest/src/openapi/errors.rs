//! The error responses of an operation.

use clouddrive_contract::{Code, Problem};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, Ref, ResponseBuilder};

/// Adds a response for each status of `codes`, with an example for each code.
pub(super) fn add(operation: &mut Operation, codes: &[Code]) {
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let of_status: Vec<Code> = codes.iter().copied().filter(|code| code.status() == status).collect();
        let words: Vec<String> = of_status.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let examples = of_status.iter().map(|code| {
            let value = serde_json::to_value(example(*code)).unwrap_or_default();
            (code.as_str().to_owned(), ExampleBuilder::new().summary(code.title()).value(Some(value)).build())
        });
        let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
        content.examples = examples.map(|(name, example)| (name, example.into())).collect();
        let response =
            ResponseBuilder::new().description(words.join(", ")).content("application/problem+json", content).build();
        operation.responses.responses.insert(status.to_string(), response.into());
    }
}

fn example(code: Code) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: code.title().to_owned(),
        status: code.status(),
        detail: code.title().to_owned(),
        code,
        request_id: "019ab0c2-7a00-7000-8000-000000000000".to_owned(),
        errors: Vec::new(),
        conflict: None,
        quota: None,
    }
}
