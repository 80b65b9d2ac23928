//! Records of every request.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Changes nothing: a proxy may repeat it.
    Read,
    /// Changes something, and is quick.
    Change,
    /// A slow form upload through an instance.
    Form,
    /// A download from the bucket, to which an instance has redirected.
    Download,
    /// Bytes sent to or read from the bucket directly.
    Bucket,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Read, "reads"),
    (Kind::Change, "changes"),
    (Kind::Form, "forms, sent slowly"),
    (Kind::Download, "downloads, at leisure"),
    (Kind::Bucket, "bytes, at the bucket"),
];

/// A completed request.
pub struct Record {
    pub kind: Kind,
    pub began: Instant,
    pub ended: Instant,
    /// Whether it began before the first instance was told to stop.
    early: bool,
    /// The instance that it depended on to its end, if any and known.
    pub instance: Option<String>,
    pub failure: Option<Failure>,
}

/// A failed request.
pub struct Failure {
    /// The status, if any, or a short label.
    pub word: String,
    pub what: String,
}

impl Failure {
    /// The connection failed or ended.
    pub fn silence(what: String) -> Self {
        Self { word: "no answer".to_owned(), what }
    }
}

impl Record {
    /// Whether it was under way at this time, at this instance as far as is known.
    pub fn spans(&self, instance: &str, at: Instant) -> bool {
        self.instance.as_deref().is_none_or(|name| name == instance) && self.began < at && at < self.ended
    }
}

/// All requests so far.
#[derive(Default)]
pub struct Tally {
    records: Mutex<Vec<Record>>,
    restarting: AtomicBool,
}

/// A request under way.
pub struct Begun {
    kind: Kind,
    began: Instant,
    early: bool,
}

impl Tally {
    pub fn begin(&self, kind: Kind) -> Begun {
        Begun { kind, began: Instant::now(), early: !self.restarting.load(Ordering::Relaxed) }
    }

    pub fn end(&self, begun: Begun, instance: Option<String>, failure: Option<Failure>) {
        let Begun { kind, began, early } = begun;
        let record = Record { kind, began, ended: Instant::now(), early, instance, failure };
        self.records.lock().unwrap().push(record);
    }

    /// Marks the start of the restarts.
    pub fn restarting(&self) {
        self.restarting.store(true, Ordering::Relaxed);
    }

    pub fn len(&self) -> usize {
        self.records.lock().unwrap().len()
    }

    pub fn into_records(self) -> Vec<Record> {
        self.records.into_inner().unwrap()
    }
}

/// A table of request counts, failures, and the 50th and 99th percentile latencies.
pub fn table(records: &[Record]) -> String {
    let mut text = format!("{:24}{:^32}    {:^32}\n{:24}", "", "before", "during", "");
    for _ in 0..2 {
        write!(text, "{:>8} {:>7} {:>7} {:>7}    ", "requests", "failed", "p50 ms", "p99 ms").unwrap();
    }
    for (kind, name) in KINDS {
        write!(text, "\n{name:24}").unwrap();
        for early in [true, false] {
            let of: Vec<_> = records.iter().filter(|record| record.kind == kind && record.early == early).collect();
            let mut times: Vec<Duration> = of.iter().map(|record| record.ended - record.began).collect();
            times.sort_unstable();
            let at = |share: usize| {
                let time = times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
                time.map_or_else(|| "-".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1000.0))
            };
            let failed = of.iter().filter(|record| record.failure.is_some()).count();
            write!(text, "{:>8} {failed:>7} {:>7} {:>7}    ", of.len(), at(50), at(99)).unwrap();
        }
    }
    let mut failures: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    for record in records {
        if let Some(failure) = &record.failure {
            *failures.entry((record.kind, &failure.word)).or_default() += 1;
        }
    }
    for ((kind, word), count) in failures {
        write!(text, "\nfailed: {count} × {kind:?}, {word}").unwrap();
    }
    text
}

/// The minimum, median and maximum, in seconds.
pub fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let seconds = |at: usize| times[at].as_secs_f64();
    format!("min {:.2} s, median {:.2} s, max {:.2} s", seconds(0), seconds(times.len() / 2), seconds(times.len() - 1))
}
