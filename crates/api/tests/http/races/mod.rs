//! Concurrent requests for the same resource.

mod copies;
mod names;
mod quota;
mod rights;
mod trash;
mod tree;

use crate::support::ApiResponse;

/// The number of answers with this status and, if given, this code.
fn count(answers: &[ApiResponse], status: u16, code: Option<&str>) -> usize {
    let fits = |answer: &&ApiResponse| {
        answer.status == status && code.is_none_or(|code| answer.json()["code"].as_str() == Some(code))
    };
    answers.iter().filter(fits).count()
}
