//! Client connections. Clients that do not read their response are disconnected. If one address has too many
//! connections, or file descriptors run short, the connection that has been inactive longest is closed.

mod stream;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use clouddrive_domain::model::ClientSubnet;
use futures_util::task::AtomicWaker;
use ipnet::IpNet;
use metrics::counter;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

pub(crate) use stream::MonitoredStream;

/// File descriptors reserved for everything else: the database, the store, files being written.
const SPARE_DESCRIPTORS: u64 = 256;

/// File descriptors that a connection may hold for long: its own, and that of the file being sent.
const DESCRIPTORS_EACH: u64 = 2;

/// Response bytes the kernel buffers beyond those in flight; small, so that a stalled client is noticed soon.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;

/// Limits on client connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// How long a client may stall a response.
    pub(crate) idle: Duration,
    /// The minimum response rate, in bytes per second spent waiting for the client; enforced after ten seconds of
    /// waiting.
    pub(crate) min_rate: u64,
    /// The maximum number of connections per network: an IPv4 address, or an IPv6 /64.
    pub(crate) per_address: usize,
}

/// All connections of the server. Clones share the same state.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    limits: ConnectionLimits,
    /// Trusted proxies, which may have any number of connections since they serve many clients.
    proxies: Vec<IpNet>,
    /// The overall maximum, derived from the file descriptor limit.
    max: usize,
    began: Instant,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    next: u64,
    all: HashMap<u64, Arc<Activity>>,
    by_network: HashMap<ClientSubnet, Vec<u64>>,
}

/// The activity of a connection, by which the one to close is chosen.
pub(crate) struct Activity {
    /// The time of the last activity, in milliseconds since the server started.
    at: AtomicU64,
    state: AtomicU8,
    closed: AtomicBool,
    waker: AtomicWaker,
}

/// The state of a connection; lower states are closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ConnectionState {
    /// Waiting for the client to read.
    Stalled = 0,
    /// Waiting for a request, or for more of one.
    Idle = 1,
    /// Working on a request.
    Serving = 2,
}

impl Activity {
    fn record(&self, state: ConnectionState, at: u64) {
        self.at.store(at, Ordering::Relaxed);
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Closes the connection when it is next polled.
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits, proxies: Vec<IpNet>) -> Self {
        Self::with_descriptors(limits, proxies, raise_descriptors())
    }

    fn with_descriptors(limits: ConnectionLimits, proxies: Vec<IpNet>, descriptors: u64) -> Self {
        let max = (descriptors.saturating_sub(SPARE_DESCRIPTORS) / DESCRIPTORS_EACH).max(64);
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self(Arc::new(Inner { limits, proxies, max, began: Instant::now(), open: Mutex::default() }))
    }

    /// Watches a new connection. It is always admitted; if a limit is exceeded, another one is closed.
    pub(crate) fn monitor(&self, stream: TcpStream) -> MonitoredStream {
        let peer = stream.peer_addr().ok();
        if let Err(error) = self.set_socket_options(&stream) {
            tracing::debug!(%error, "setting up a connection failed");
        }
        let activity = Arc::new(Activity {
            at: AtomicU64::new(self.now()),
            state: AtomicU8::new(ConnectionState::Idle as u8),
            closed: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let entry = self.admit(peer.map(|peer| peer.ip().to_canonical()), activity.clone());
        MonitoredStream::new(stream, activity, entry)
    }

    /// On Linux the kernel drops a connection whose client reads nothing: it sees acknowledgements, while we only see
    /// free buffer space.
    #[cfg(target_os = "linux")]
    fn set_socket_options(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = socket2::SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(self.0.limits.idle))?;
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)
    }

    #[cfg(not(target_os = "linux"))]
    fn set_socket_options(&self, _: &TcpStream) -> io::Result<()> {
        Ok(())
    }

    fn admit(&self, address: Option<IpAddr>, activity: Arc<Activity>) -> Registration {
        let exempt = |address: &IpAddr| self.0.proxies.iter().any(|proxy| proxy.contains(address));
        let network =
            address.filter(|address| !exempt(address)).map(|address| ClientSubnet::from_address(Some(address)));
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next += 1;
        let id = open.next;
        if let Some(network) = network {
            let own = open.by_network.entry(network).or_default();
            own.push(id);
            if own.len() > self.0.limits.per_address {
                let own = own.clone();
                open.close_one(own.into_iter(), "address");
            }
        }
        if open.all.len() >= self.0.max {
            let all: Vec<u64> = open.all.keys().copied().collect();
            open.close_one(all.into_iter(), "descriptors");
        }
        open.all.insert(id, activity);
        Registration { connections: self.clone(), id, network }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Raises the soft limit of file descriptors to the hard limit and returns it: shells and systemd start with a small
/// one for the sake of old programs.
fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "raising the file descriptor limit failed");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

impl OpenConnections {
    /// Closes the least active of the given connections.
    fn close_one(&mut self, among: impl Iterator<Item = u64>, why: &'static str) {
        let order = |activity: &Activity| (activity.state.load(Ordering::Relaxed), activity.at.load(Ordering::Relaxed));
        let among = among.filter_map(|id| self.all.get(&id));
        let among = among.filter(|activity| !activity.closed.load(Ordering::Relaxed));
        if let Some(activity) = among.min_by_key(|activity| order(activity)) {
            counter!("clouddrive_http_connections_closed_total", "reason" => why).increment(1);
            activity.close();
        }
    }
}

/// The registration of an open connection, until dropped.
pub(crate) struct Registration {
    connections: Connections,
    id: u64,
    network: Option<ClientSubnet>,
}

impl Registration {
    fn limits(&self) -> &ConnectionLimits {
        &self.connections.0.limits
    }

    fn now(&self) -> u64 {
        self.connections.now()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut open = self.connections.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all.remove(&self.id);
        if let Some(network) = &self.network
            && let Some(own) = open.by_network.get_mut(network)
        {
            own.retain(|id| *id != self.id);
            if own.is_empty() {
                open.by_network.remove(network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(per_address: usize, proxies: &[&str]) -> Connections {
        let limits = ConnectionLimits { idle: Duration::from_secs(10), min_rate: 1024, per_address };
        Connections::new(limits, proxies.iter().map(|proxy| proxy.parse().unwrap()).collect())
    }

    fn open(
        connections: &Connections,
        address: &str,
        state: ConnectionState,
        at: u64,
    ) -> (Arc<Activity>, Registration) {
        let activity = Arc::new(Activity {
            at: AtomicU64::new(at),
            state: AtomicU8::new(state as u8),
            closed: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let entry = connections.admit(Some(address.parse().unwrap()), activity.clone());
        (activity, entry)
    }

    fn closed(open: &(Arc<Activity>, Registration)) -> bool {
        open.0.closed.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn the_address_limit_closes_the_longest_stalled_connection() {
        let all = connections(4, &[]);
        let served = open(&all, "203.0.113.1", ConnectionState::Serving, 1);
        let idle = open(&all, "203.0.113.1", ConnectionState::Idle, 2);
        let stalled = [9, 8].map(|at| open(&all, "203.0.113.1", ConnectionState::Stalled, at));
        let other = open(&all, "203.0.113.2", ConnectionState::Stalled, 0);
        let mut newest = Vec::new();
        let mut gone = Vec::new();
        for _ in 0..4 {
            newest.push(open(&all, "203.0.113.1", ConnectionState::Serving, 20));
            gone.push([&stalled[1], &stalled[0], &idle, &served].map(closed));
        }
        assert_eq!(gone[0], [true, false, false, false]);
        assert_eq!(gone[3], [true, true, true, true]);
        assert!(!closed(&other) && !newest.iter().any(closed));
    }

    #[tokio::test]
    async fn one_ipv6_network_counts_as_one_address() {
        let all = connections(1, &[]);
        let first = open(&all, "2001:db8::1", ConnectionState::Idle, 0);
        let elsewhere = open(&all, "2001:db8:0:1::1", ConnectionState::Idle, 0);
        let _neighbour = open(&all, "2001:db8::2", ConnectionState::Idle, 1);
        assert!(closed(&first) && !closed(&elsewhere));
    }

    #[tokio::test]
    async fn the_descriptor_limit_closes_the_longest_stalled_connection() {
        let limits = ConnectionLimits { idle: Duration::from_secs(10), min_rate: 1024, per_address: 1024 };
        // Each connection may use a second descriptor for a file.
        let all = Connections::with_descriptors(limits, Vec::new(), 256 + 2 * 100);
        let first: Vec<_> = (0..100).map(|at| open(&all, "203.0.113.1", ConnectionState::Stalled, 1 + at)).collect();
        assert!(!first.iter().any(closed));
        let newest = open(&all, "203.0.113.2", ConnectionState::Idle, 200);
        assert!(closed(&first[0]) && !first[1..].iter().any(closed) && !closed(&newest));
    }

    #[tokio::test]
    async fn trusted_proxies_are_exempt_and_closed_connections_are_forgotten() {
        let all = connections(1, &["10.0.0.0/8"]);
        let many: Vec<_> = (0..20).map(|at| open(&all, "10.1.2.3", ConnectionState::Idle, at)).collect();
        assert!(!many.iter().any(closed));
        drop(many);
        for _ in 0..3 {
            assert!(!closed(&open(&all, "203.0.113.1", ConnectionState::Idle, 0)));
        }
        let open = all.0.open.lock().unwrap();
        assert!(open.all.is_empty() && open.by_network.is_empty());
    }
}
