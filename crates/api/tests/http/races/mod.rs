//! Many requests at once, of which no two may have the same thing.

mod copies;
mod names;
mod quota;
mod rights;
mod trash;
mod tree;

use crate::support::Answer;

/// How many of these answers have this status; of refusals, how many of those have this code.
fn count(answers: &[Answer], status: u16, code: Option<&str>) -> usize {
    let fits = |answer: &&Answer| {
        answer.status == status && code.is_none_or(|code| answer.json()["code"].as_str() == Some(code))
    };
    answers.iter().filter(fits).count()
}
