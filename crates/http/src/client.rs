//! Client addresses of requests.

use std::net::{IpAddr, SocketAddr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::X_FORWARDED_FOR;
use ipnet::IpNet;

/// The client's address, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// The peer's address; behind trusted proxies, the address they forward.
    pub fn from_request(request: &ServiceRequest, proxies: &[IpNet]) -> Self {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let forwarded = request.headers().get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let forwarded: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        Self(peer.map(|peer| client_behind(peer, &forwarded, proxies)))
    }
}

/// The client behind `peer`. Each proxy appends its own peer, so only entries appended by trusted proxies are believed.
fn client_behind(peer: IpAddr, forwarded: &[&str], proxies: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for text in forwarded.iter().rev() {
        if !proxies.iter().any(|proxy| proxy.contains(&client)) {
            break;
        }
        let Some(address) = address(text.trim()) else { break };
        client = address.to_canonical();
    }
    client
}

/// Parses an address with an optional port.
fn address(text: &str) -> Option<IpAddr> {
    let port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse().ok().or_else(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &[&str]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "192.0.2.1/32".parse().unwrap()];
        client_behind(peer.parse().unwrap(), forwarded, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(found("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(found("10.0.0.7", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(found("10.0.0.7", &["198.51.100.1", " 192.0.2.1"]), "198.51.100.1");
        assert_eq!(found("10.0.0.7", &["1.2.3.4", "198.51.100.1", "192.0.2.1:4711"]), "198.51.100.1");
        assert_eq!(found("10.0.0.7", &["198.51.100.1", "nonsense"]), "10.0.0.7");
        assert_eq!(found("10.0.0.7", &[]), "10.0.0.7");
        assert_eq!(found("10.0.0.7", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(found("10.0.0.7", &["[2001:db8::1]:4711"]), "2001:db8::1");
    }
}
