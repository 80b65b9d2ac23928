use std::io::{BufRead, IsTerminal, Read};

use anyhow::{Context, bail};
use clouddrive_domain::model::Password;

/// Longer than any password.
const MAX_BYTES: u64 = 4096;

/// Reads the password: prompted twice without echo at a terminal, otherwise the first line of standard input.
///
/// Never an argument: those are visible to every user who can list processes.
pub(super) fn read() -> anyhow::Result<Password> {
    let text = if std::io::stdin().is_terminal() { prompt_twice()? } else { line(&mut std::io::stdin().lock())? };
    Password::choose(&text).map_err(|error| anyhow::anyhow!("the password {error}"))
}

fn prompt_twice() -> anyhow::Result<String> {
    let prompt = |text| rpassword::prompt_password(text).context("the terminal");
    let password = prompt("Password: ")?;
    if prompt("Again: ")? != password {
        bail!("the passwords differ");
    }
    Ok(password)
}

/// The first line, without its line ending.
fn line(input: &mut impl BufRead) -> anyhow::Result<String> {
    let mut text = String::new();
    input.take(MAX_BYTES).read_line(&mut text).context("standard input")?;
    let end = text.trim_end_matches('\n').trim_end_matches('\r').len();
    text.truncate(end);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> String {
        line(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn a_password_is_the_first_line_with_its_spaces() {
        assert_eq!(first(" a quiet morning \nand a loud evening\n"), " a quiet morning ");
        assert_eq!(first("a quiet morning\r\n"), "a quiet morning");
        assert_eq!(first("a quiet morning"), "a quiet morning");
        assert_eq!(first(""), "");
        assert_eq!(first(&"x".repeat(1_000_000)).len(), 4096);
    }
}
