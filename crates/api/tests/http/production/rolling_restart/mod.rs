//! Instances are replaced one by one behind a load balancer under load, without failed requests.
//!
//! `haproxy.cfg` is what docs/deployment.md recommends. `ROLLING_RESTARTS` sets how often each instance is replaced
//! (default: once); `scripts/rolling-restart` does it ten times and shows the figures.

mod haproxy;
mod load;
mod tally;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::haproxy::HaProxy;
use self::load::{Acknowledged, Load};
use self::tally::{Kind, Record, spread, table};
use crate::body::begin_form;
use crate::process::{exit_code, signal, start_in};
use crate::support::{RawConnection, Server, Storage, eventually, free_port};

/// The minimum number of requests between restarts, and per instance before the first.
const CALM: usize = 150;

/// One of two servers behind the load balancer, at a fixed address.
struct Instance {
    name: &'static str,
    port: u16,
    server: Server,
}

/// How an instance stopped.
struct Stop {
    instance: &'static str,
    signalled: Instant,
    took: Duration,
    /// The readiness answers on new connections, polled while it stopped.
    seen: Vec<Seen>,
    /// When its port was found closed.
    closed: Instant,
}

/// The result of a readiness check on a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Ready,
    Leaving,
    /// It accepted the connection and sent no answer.
    Nothing,
    Refused,
}

async fn look(address: &str) -> Seen {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Seen::Refused };
    let request = b"GET /health/ready HTTP/1.1\r\nHost: drive.example\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    if stream.write_all(request).await.is_err() || stream.read_to_end(&mut answer).await.is_err() {
        return Seen::Nothing;
    }
    match answer.get(..12) {
        Some(b"HTTP/1.1 200") => Seen::Ready,
        Some(b"HTTP/1.1 503") => Seen::Leaving,
        _ => Seen::Nothing,
    }
}

/// Polls a stopping instance until it refuses connections; repeated results are recorded once.
async fn watch(address: String) -> (Vec<Seen>, Instant) {
    let mut seen = Vec::new();
    while seen.last() != Some(&Seen::Refused) {
        seen.push(look(&address).await);
        seen.dedup();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (seen, Instant::now())
}

impl Instance {
    async fn start(name: &'static str, port: u16, place: &Arc<Storage>) -> Self {
        let bind = format!("127.0.0.1:{port}");
        let variables = [("BIND_ADDR", bind.as_str()), ("DRAIN_SECONDS", "3"), ("TRUSTED_PROXIES", "127.0.0.1")];
        let (server, _) = start_in(place.clone(), &variables).await;
        Self { name, port, server }
    }

    /// Sends SIGTERM and waits for the exit.
    async fn stop(&mut self) -> Stop {
        let watching = tokio::spawn(watch(self.server.address().to_owned()));
        let signalled = Instant::now();
        signal(self.server.process().id(), "TERM");
        assert_eq!(exit_code(&mut self.server).await, 0);
        let took = signalled.elapsed();
        let (seen, closed) = watching.await.unwrap();
        Stop { instance: self.name, signalled, took, seen, closed }
    }

    /// Stops it and starts another in its place.
    async fn replace(&mut self) -> Stop {
        let stop = self.stop().await;
        let place = self.server.storage().clone();
        *self = Self::start(self.name, self.port, &place).await;
        stop
    }
}

/// The results of a run.
struct Outcome {
    records: Vec<Record>,
    stops: Vec<Stop>,
    acknowledged: Acknowledged,
    complaints: String,
}

impl Outcome {
    /// The requests under way at an instance at this time.
    fn under_way(&self, kind: Kind, stop: &Stop, at: Instant) -> Vec<&Record> {
        let spans = |record: &&Record| record.kind == kind && record.spans(stop.instance, at);
        self.records.iter().filter(spans).collect()
    }

    fn show(&self) {
        let Self { records, stops, acknowledged, complaints } = self;
        println!("{}", table(records));
        println!("SIGTERM to exit, {} times: {}", stops.len(), spread(stops.iter().map(|stop| stop.took).collect()));
        let count = |kind, at: fn(&Stop) -> Instant| -> usize {
            stops.iter().map(|stop| self.under_way(kind, stop, at(stop)).len()).sum()
        };
        for (kind, name) in [(Kind::Form, "forms"), (Kind::Download, "downloads")] {
            let (signalled, closed) = (count(kind, |stop| stop.signalled), count(kind, |stop| stop.closed));
            println!("{name} under way at SIGTERM: {signalled}; when the port was closed: {closed}");
        }
        println!("acknowledged: {} files, {} folders", acknowledged.files.len(), acknowledged.folders.len());
        let failures = records.iter().filter_map(|record| Some((record.kind, record.failure.as_ref()?)));
        for (kind, failure) in failures.take(50) {
            println!("{kind:?}: {}", failure.what);
        }
        println!("{complaints}");
    }

    fn check(&self) {
        for stop in &self.stops {
            // The instance reports not ready before it refuses connections. Only a connection made at the very moment
            // the port closes may get no answer, and a balancer that checks readiness makes none.
            let seen = stop.seen.strip_prefix(&[Seen::Ready]).unwrap_or(&stop.seen);
            let is_orderly =
                matches!(seen, [Seen::Leaving, Seen::Refused] | [Seen::Leaving, Seen::Nothing, Seen::Refused]);
            assert!(is_orderly, "{}: {seen:?}", stop.instance);
        }
        let forms: Vec<_> =
            self.stops.iter().flat_map(|stop| self.under_way(Kind::Form, stop, stop.signalled)).collect();
        assert!(!forms.is_empty(), "no form was under way when an instance was told to stop");
        assert!(forms.iter().all(|record| record.failure.is_none()), "a form that was under way was cut off");
        // A change may fail where it may already have been made; it was then retried with success.
        let may_fail = [Kind::Change, Kind::Form];
        let lost = |record: &&Record| record.failure.is_some() && !may_fail.contains(&record.kind);
        assert_eq!(self.records.iter().filter(lost).count(), 0, "requests that may be repeated have failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_instance_is_replaced_and_no_request_is_lost() {
    let times: usize = std::env::var("ROLLING_RESTARTS").map_or(1, |times| times.parse().unwrap());
    let place = Arc::new(Storage::new());
    let ports = [free_port(), free_port()];
    let mut instances = [Instance::start("a", ports[0], &place).await, Instance::start("b", ports[1], &place).await];
    let haproxy = HaProxy::before(ports, &place).await;
    let ann = haproxy.front.user("ann").await;
    let (load, people) = Load::begin(ann.clone(), haproxy.front.anonymous()).await;
    for _ in 0..times {
        load.more(CALM).await;
    }
    load.tally.restarting();
    let mut stops = Vec::new();
    for _ in 0..times {
        for instance in &mut instances {
            haproxy.holds_a_form(instance.name).await;
            stops.push(instance.replace().await);
            haproxy.sees(instance.name).await;
            load.more(CALM).await;
        }
    }
    let (records, acknowledged) = load.end(people).await;
    acknowledged.check(&ann).await;
    let outcome = Outcome { records, stops, acknowledged, complaints: haproxy.complaints() };
    outcome.show();
    outcome.check();
}

#[tokio::test]
async fn a_sender_who_never_comes_to_an_end_is_cut_off() {
    let (mut server, _) = start_in(Storage::new(), &[("DRAIN_SECONDS", "1"), ("SHUTDOWN_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let mut wire = RawConnection::to(&server).await;
    begin_form(&mut wire, &ann, "", 1 << 20).await;
    let under_way = "SELECT count(*) FROM blobs";
    eventually("the form is under way", async || server.value(under_way) == "1").await;
    let signalled = Instant::now();
    signal(server.process().id(), "TERM");
    let mut status = None;
    eventually("the server ends", async || {
        // Fast enough not to count as stalled.
        wire.send([b'x'; 200]).await;
        status = server.process().try_wait().unwrap();
        status.is_some()
    })
    .await;
    println!("SIGTERM to exit: {:.2} s", signalled.elapsed().as_secs_f64());
    assert_eq!(status.unwrap().code(), Some(0));
    assert!(wire.next_answer().await.is_none(), "nothing was promised");
    let server = server.restart(&[]).await;
    let ann = server.login("ann").await;
    assert!(ann.names(None).await.is_empty());
}
