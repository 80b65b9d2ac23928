//! The reference of the configuration: the README's table and `.env.example`, which a test compares with these.

use std::fmt::Write;

use super::variables::{Fallback, GROUPS, Values, Variable};

/// The reference as a Markdown table.
pub(crate) fn markdown() -> String {
    let mut table = String::from("| variable | values | default | meaning |\n| --- | --- | --- | --- |\n");
    for variable in GROUPS.iter().flat_map(|group| group.variables) {
        let name = format!("`{}`", variable.name);
        let aliases = variable.aliases.iter().map(|alias| format!("(`{alias}`)"));
        let names: Vec<String> = std::iter::once(name).chain(aliases).collect();
        let values = match variable.values {
            Values::Number(least, max) => format!("{least} to {max}"),
            Values::Switch => "`on`, `off`".to_owned(),
            Values::Url => "a URL".to_owned(),
            Values::Text(what) => what.to_owned(),
        };
        let (default, meaning) = (documented_default(variable), variable.meaning);
        let _ = writeln!(table, "| {} | {values} | {default} | {meaning} |", names.join(" "));
    }
    table
}

/// The widest line of [`example`].
const WIDTH: usize = 100;

/// The reference as an environment file in which every variable is commented out.
pub(crate) fn example() -> String {
    let mut file = String::from(
        "# Every variable of the server, as `clouddrive config` prints them. Copy to `.env` in the server's\n\
         # working directory and change as needed; docs/deployment.md describes the production setup.\n",
    );
    for group in GROUPS {
        let _ = writeln!(file, "\n## {}", group.heading);
        for variable in group.variables {
            let (meaning, default) = (plain(variable.meaning), plain(&documented_default(variable)));
            let required = match variable.required() {
                any if any.is_empty() => String::new(),
                required => format!("; must be {required}"),
            };
            file.push('\n');
            for line in
                wrapped(&format!("{meaning}.")).into_iter().chain(wrapped(&format!("Default: {default}{required}.")))
            {
                let _ = writeln!(file, "# {line}");
            }
            let value = match variable.default {
                Fallback::Number(number) => number.to_string(),
                Fallback::Text(_) | Fallback::Described(_) => variable.example.to_owned(),
            };
            let _ = writeln!(file, "#{}={value}", variable.name);
        }
    }
    file
}

/// Markdown without the targets of its links and without backticks.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        let (kept, label) = before.rsplit_once('[').unwrap_or((before, ""));
        text.extend([kept, label]);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text.replace('`', "")
}

/// The words of `text` in lines.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() + 3 <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn documented_default(variable: &Variable) -> String {
    match variable.default {
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Number(number) => number.to_string(),
        Fallback::Described(text) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_plain_text_in_short_lines() {
        assert_eq!(plain("see [a `b`](c#d), or [e](f)"), "see a b, or e");
        assert!(example().lines().all(|line| line.chars().count() <= WIDTH), "{}", example());
        assert!(!example().contains("]("));
    }
}
