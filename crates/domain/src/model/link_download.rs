//! Downloads through public links, as they are counted.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{LinkId, Network, NodeId};

/// For how long what one network takes of one item is one download, from when it was counted.
pub const DOWNLOAD_WINDOW: Duration = Duration::from_hours(1);

/// What one network takes of one item through a public link: of a file, or of a folder as an archive. However many requests
/// that takes within the [window](DOWNLOAD_WINDOW), it is one download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDownload {
    /// The link.
    pub link: LinkId,
    /// The file or folder.
    pub node: NodeId,
    /// Who takes it.
    pub network: Network,
}

impl LinkDownload {
    /// What it is kept under, beside the link: a digest, so that no address is stored.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.link.as_uuid().as_bytes());
        digest.update(self.node.as_uuid().as_bytes());
        digest.update(self.network.text());
        digest.finalize().into()
    }
}

/// Whether a download was one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It was counted just now.
    First,
    /// It goes on with one that was counted before.
    Again,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_link_item_and_network_is_a_download_of_its_own() {
        let (link, node) = (|id| LinkId::from_uuid(Uuid::from_u128(id)), |id| NodeId::from_uuid(Uuid::from_u128(id)));
        let network = |text: &str| Network::of(text.parse().ok());
        let one = LinkDownload { link: link(1), node: node(2), network: network("192.0.2.1") };
        let others = [
            LinkDownload { link: link(3), ..one },
            LinkDownload { node: node(3), ..one },
            LinkDownload { network: network("192.0.2.2"), ..one },
            LinkDownload { network: network("2001:db8::1"), ..one },
            LinkDownload { network: Network::of(None), ..one },
            one,
        ];
        assert_eq!(others.iter().map(LinkDownload::digest).collect::<HashSet<_>>().len(), others.len());
        let same = LinkDownload { network: network("::ffff:192.0.2.1"), ..one };
        assert_eq!(same.digest(), one.digest());
    }
}
