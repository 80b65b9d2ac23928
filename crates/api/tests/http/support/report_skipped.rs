use std::fs::File;
use std::io::Write;

/// Reports that this test, or a part of it, cannot run on this machine: past the capture of test output, so that it
/// shows also when the run passes, and to `./scripts/test`, which lists it at its end.
pub fn report_skipped(why: &str) {
    // The harness names each test's thread after the test.
    let line = format!("{}: {why}\n", std::thread::current().name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(format!("not run here: {line}").as_bytes());
    if let Some(list) = std::env::var_os("CLOUDDRIVE_SKIPPED") {
        let mut list = File::options().create(true).append(true).open(list).unwrap();
        list.write_all(line.as_bytes()).unwrap();
    }
}
