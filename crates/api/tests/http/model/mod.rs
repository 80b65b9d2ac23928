//! Model-based test: runs random operation sequences ("stories") against the server and an in-memory reference, and
//! compares the results of each step and the final states.
//!
//! Stories are generated from a seed; a failure reports the seed and the shortest failing story. To replay a seed, or
//! to run others:
//!
//! ```sh
//! CLOUDDRIVE_MODEL_SEED=7 CLOUDDRIVE_MODEL_STORIES=1000 cargo test -p clouddrive-api --test http -- model --nocapture
//! ```

mod operation;
mod reference;
mod runner;

use std::cell::Cell;
use std::time::Instant;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::{Handle, Runtime};

use self::operation::operations;
use self::reference::Reference;
use self::runner::Runner;
use crate::support::Server;

/// Small, so that both limits are reached.
const QUOTA: u64 = 1_000;
const MAX_VERSIONS: usize = 3;

/// The maximum number of operations per story.
const TURNS: usize = 60;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

#[test]
fn the_server_does_what_the_reference_does() {
    let runtime = Runtime::new().unwrap();
    let quota = QUOTA.to_string();
    let versions = MAX_VERSIONS.to_string();
    let server = runtime.block_on(Server::with(&[("DEFAULT_QUOTA_BYTES", &quota), ("MAX_VERSIONS", &versions)]));
    let (seed, stories) = (variable("CLOUDDRIVE_MODEL_SEED", 1), variable("CLOUDDRIVE_MODEL_STORIES", 24));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: u32::try_from(stories).unwrap(), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let (began, executed) = (Instant::now(), Cell::new(0));
    let outcome = runner.run(&operations(TURNS), |story| {
        executed.set(executed.get() + story.len());
        run_story(runtime.handle(), &server, &story).map_err(TestCaseError::fail)
    });
    match outcome {
        Err(TestError::Fail(difference, story)) => {
            panic!("with CLOUDDRIVE_MODEL_SEED={seed}: {difference}\nthe shortest story: {story:#?}")
        }
        outcome => outcome.unwrap(),
    }
    // `verify` fails if database and store are inconsistent.
    server.run("verify", &[]);
    let (executed, took) = (executed.get(), began.elapsed());
    println!(
        "{executed} operations in {stories} stories of seed {seed}, {:.0} a second",
        executed as f64 / took.as_secs_f64()
    );
}

fn run_story(runtime: &Handle, server: &Server, story: &[operation::Operation]) -> Result<(), String> {
    runtime.block_on(async {
        let mut runner = Runner::new(server, Reference::new(QUOTA, MAX_VERSIONS)).await;
        runner.run(story).await
    })
}
