//! The manifest of a directory of parts, and the names of the parts.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use clouddrive_domain::model::{PartPlan, Timestamp};

use crate::files::{modified, options};

/// The file with the part plan, in one line: the total size and the part size.
const MANIFEST: &str = "manifest";

/// The file name of the part `number`.
pub(crate) fn part_name(number: u32) -> String {
    format!("{number:05}")
}

/// The path of the part `number` in `directory`.
pub(crate) fn part_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(part_name(number))
}

/// Reads the part plan of `directory`.
pub(crate) fn read_part_plan(directory: &Path) -> io::Result<PartPlan> {
    let mut text = String::new();
    options().read(true).open(directory.join(MANIFEST))?.take(64).read_to_string(&mut text)?;
    let numbers = text.strip_suffix('\n').and_then(|line| line.split_once(' '));
    let plan = numbers.and_then(|(size, part)| PartPlan::restore(size.parse().ok()?, Some(part.parse().ok()?)));
    plan.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a manifest of parts that is none"))
}

pub(crate) fn write_part_plan(directory: &Path, plan: PartPlan) -> io::Result<()> {
    let mut file = options().write(true).create_new(true).open(directory.join(MANIFEST))?;
    file.write_all(format!("{} {}\n", plan.size(), plan.part_size()).as_bytes())?;
    file.sync_all()
}

/// When the manifest of `directory` was written.
pub(crate) fn begun_at(directory: &Path) -> io::Result<Timestamp> {
    modified(&fs::symlink_metadata(directory.join(MANIFEST))?)
}
