//! Failures that last.

use std::mem;

use clouddrive_domain::Result;

/// Whether a task that is repeated all the time fails at present. Only the begin and the end of that are logged.
pub(crate) struct Outage {
    task: &'static str,
    lasts: bool,
}

impl Outage {
    /// There is none of `task` yet.
    pub(crate) const fn none(task: &'static str) -> Self {
        Self { task, lasts: false }
    }

    /// The value of a run of the task, unless it failed.
    pub(crate) fn note<T>(&mut self, outcome: Result<T>) -> Option<T> {
        let task = self.task;
        match outcome {
            Ok(value) => {
                if mem::take(&mut self.lasts) {
                    tracing::info!("{task} succeeds again");
                }
                Some(value)
            }
            Err(error) => {
                if !mem::replace(&mut self.lasts, true) {
                    tracing::error!(%error, source = ?std::error::Error::source(&error), "{task} failed");
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clouddrive_domain::Error;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber, subscriber};

    use super::*;

    /// The levels of all log lines.
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_outage_is_logged_when_it_begins_and_when_it_ends() {
        let (levels, mut outage) = (Levels::default(), Outage::none("counting jobs"));
        let outcomes = [true, false, false, false, true, true, false];
        let values: Vec<Option<u8>> = subscriber::with_default(levels.clone(), || {
            let outcome = |works: bool| if works { Ok(1) } else { Err(Error::unavailable("database", "a test")) };
            outcomes.map(|works| outage.note(outcome(works))).to_vec()
        });
        assert_eq!(values, outcomes.map(|works| works.then_some(1)));
        assert_eq!(*levels.0.lock().unwrap(), [Level::ERROR, Level::INFO, Level::ERROR]);
    }
}
