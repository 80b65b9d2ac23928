use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use super::*;
use crate::ports::{ByteStream, Dialect, IncompleteUploadStream};

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn error() -> CheckError {
    CheckError { part: "storage", cause: "500".to_owned() }
}

/// A database with three blobs of five bytes, all in use, with single letters as keys.
struct TestRows;

#[async_trait]
impl Records for TestRows {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, CheckError> {
        Ok(Box::new(TestRows))
    }
}

#[async_trait]
impl Snapshot for TestRows {
    async fn rows(&mut self, _: &str, _: bool) -> Result<RowStream, CheckError> {
        let row = |key: &str| Row([key, "5", HELLO, "test"].map(|text| Some(text.to_owned())));
        Ok(stream::iter(["a", "b", "c"].map(row)).map(Ok).boxed())
    }
}

/// A store that contains all of them, and fails to read `b` a given number of times, at the start or in the middle.
struct Store {
    failures: AtomicU32,
    in_the_middle: bool,
    /// The listed size of `c`, and whether it can be looked up.
    odd: Option<u64>,
}

impl Store {
    fn failing(failures: u32, in_the_middle: bool) -> Self {
        Self { failures: failures.into(), in_the_middle, odd: None }
    }

    fn fails(&self) -> bool {
        self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

#[async_trait]
impl Objects for Store {
    fn name(&self) -> &'static str {
        "test"
    }

    fn list(&self) -> ObjectStream {
        let size = |key: &str| if key == "c" { self.odd.unwrap_or(5) } else { 5 };
        let object = |key: &str| Object { key: key.to_owned(), size: size(key), modified_at: 0, broken: None };
        stream::iter(["a", "b", "c"].map(object)).map(Ok).boxed()
    }

    fn incomplete_uploads(&self) -> IncompleteUploadStream {
        stream::empty().boxed()
    }

    async fn find(&self, key: &str) -> Result<Option<Object>, CheckError> {
        match self.odd {
            Some(_) => Err(error()),
            None => Ok(Some(Object { key: key.to_owned(), size: 5, modified_at: 0, broken: None })),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<ByteStream>, CheckError> {
        let hello = || Ok(Bytes::from_static(b"hello"));
        match key {
            "b" if self.fails() && self.in_the_middle => {
                Ok(Some(stream::iter([Ok(Bytes::from_static(b"hel")), Err(error())]).boxed()))
            }
            "b" if !self.in_the_middle && self.failures.load(Ordering::Relaxed) > 0 => Err(error()),
            _ => Ok(Some(stream::iter([hello()]).boxed())),
        }
    }
}

async fn report(store: &Store) -> Report {
    let mut report = Report::default();
    let options = Options { now: 1000, grace: 0, deep: true };
    check(&TestRows, Box::new(TestRows), store, options, &|_, _, _| {}, &mut report).await.unwrap();
    report
}

#[tokio::test]
async fn an_unreadable_blob_is_a_finding_and_others_are_still_read() {
    for in_the_middle in [false, true] {
        let report = report(&Store::failing(u32::MAX, in_the_middle)).await;
        let found: Vec<Finding> = report.findings().collect();
        let [finding] = &found[..] else { panic!("{found:?}") };
        assert_eq!((finding.kind, finding.subject.as_str()), (Kind::ObjectUnreadable, "b"));
        assert!(finding.detail.ends_with("500"), "{finding:?}");
        assert_eq!(report.bytes_read, if in_the_middle { 13 } else { 10 });
    }
}

#[tokio::test]
async fn a_blob_that_reads_on_the_second_attempt_is_no_finding() {
    let report = report(&Store::failing(1, true)).await;
    assert_eq!(report.found(), 0, "{report}");
}

#[tokio::test]
async fn a_blob_that_cannot_be_rechecked_is_a_finding() {
    let store = Store { odd: Some(4), ..Store::failing(0, false) };
    let report = report(&store).await;
    assert_eq!(report.counts().collect::<Vec<_>>(), [(Kind::ObjectUnreadable, 1)], "{report}");
}
