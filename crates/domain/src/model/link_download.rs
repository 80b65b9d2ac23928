//! Counting of downloads through public links.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{ClientSubnet, LinkId, NodeId};

/// How long repeated requests of one network for one item count as one download, from when it was counted.
pub const DOWNLOAD_WINDOW: Duration = Duration::from_hours(1);

/// A download of one item (a file, or a folder as an archive) by one network through a public link. All requests within
/// the [window](DOWNLOAD_WINDOW) count as one download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDownload {
    /// The link.
    pub link: LinkId,
    /// The file or folder.
    pub node: NodeId,
    /// The downloading network.
    pub subnet: ClientSubnet,
}

impl LinkDownload {
    /// The digest under which it is stored, besides the link, so that no address is stored.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.link.as_uuid().as_bytes());
        digest.update(self.node.as_uuid().as_bytes());
        digest.update(self.subnet.text());
        digest.finalize().into()
    }
}

/// Whether a download was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountOutcome {
    /// It was counted now.
    New,
    /// It continues a download counted before.
    Continued,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_link_item_and_network_is_a_download_of_its_own() {
        let (link, node) = (|id| LinkId::from_uuid(Uuid::from_u128(id)), |id| NodeId::from_uuid(Uuid::from_u128(id)));
        let subnet = |text: &str| ClientSubnet::from_address(text.parse().ok());
        let one = LinkDownload { link: link(1), node: node(2), subnet: subnet("192.0.2.1") };
        let others = [
            LinkDownload { link: link(3), ..one },
            LinkDownload { node: node(3), ..one },
            LinkDownload { subnet: subnet("192.0.2.2"), ..one },
            LinkDownload { subnet: subnet("2001:db8::1"), ..one },
            LinkDownload { subnet: ClientSubnet::from_address(None), ..one },
            one,
        ];
        assert_eq!(others.iter().map(LinkDownload::digest).collect::<HashSet<_>>().len(), others.len());
        let same = LinkDownload { subnet: subnet("::ffff:192.0.2.1"), ..one };
        assert_eq!(same.digest(), one.digest());
    }
}
