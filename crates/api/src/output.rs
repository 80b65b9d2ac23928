use std::fmt::Display;
use std::io::{ErrorKind, Write};

use anyhow::Context;

/// Writes a line to standard output. A closed pipe is not an error.
pub(crate) fn say(line: impl Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(fault) if fault.kind() != ErrorKind::BrokenPipe => Err(fault).context("standard output"),
        _ => Ok(()),
    }
}
