use std::fmt::Display;
use std::io::{ErrorKind, Write};

use anyhow::Context;

/// Writes a line to standard output. A closed pipe is not an error.
pub(crate) fn print_line(line: impl Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}
