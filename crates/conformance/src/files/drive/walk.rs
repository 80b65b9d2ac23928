use std::collections::{HashMap, HashSet};

use clouddrive_domain::model::{Action, NodeId, Sort};

use super::Fixture;
use super::list::{ORDERS, SORTS, page};
use crate::fixture::TestUser;

/// A folder that changes while its list is paged through.
struct ConcurrentWriters<'a> {
    fixture: &'a Fixture<'a>,
    ann: TestUser,
    folder: NodeId,
    away: NodeId,
    /// The nodes that may be renamed and moved away.
    movable: Vec<NodeId>,
    count: usize,
}

impl ConcurrentWriters<'_> {
    /// Adds a node at an arbitrary position of every order.
    async fn add(&mut self) -> NodeId {
        self.count += 1;
        let name = format!("{:02}-{}", self.count * 37 % 100, self.count);
        if self.count.is_multiple_of(2) {
            self.fixture.folder(self.ann.id, self.folder, &name).await
        } else {
            self.fixture.file(self.ann.id, self.folder, &name, self.count as u64 * 13 % 7).await
        }
    }

    /// Adds one node, renames another, and moves `here` away if it is movable.
    async fn go_on(&mut self, here: NodeId) {
        let new = self.add().await;
        self.movable.push(new);
        if let Some(at) = self.movable.iter().position(|node| *node == here) {
            self.movable.remove(at);
            let moved = self.fixture.move_into(self.ann.id, here, self.away).await;
            assert!(moved.is_ok(), "{moved:?}");
        }
        if let Some(node) = self.movable.get(self.count % self.movable.len()) {
            self.count += 1;
            let name = format!("{:02}-{}", self.count * 53 % 100, self.count);
            let renamed = self.fixture.rename(self.ann.id, *node, &name).await;
            assert!(renamed.is_ok(), "{renamed:?}");
        }
    }
}

pub(super) async fn paging_lists_every_lasting_entry_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "busy").await;
    let away = fixture.folder(ann.id, ann.root, "away").await;
    let grant = fixture.grant(ann.id, folder, Action::Read).await;
    let mut writers = ConcurrentWriters { fixture, ann, folder, away, movable: Vec::new(), count: 0 };
    let mut settled = HashSet::new();
    for _ in 0..12 {
        settled.insert(writers.add().await);
        let movable = writers.add().await;
        writers.movable.push(movable);
    }
    for by in SORTS {
        for order in ORDERS {
            let sort = Sort { by, order, folders_first: false };
            let mut met: HashMap<NodeId, u32> = HashMap::new();
            let mut after = None;
            loop {
                let (children, next) = page(fixture, &grant, sort, after.as_ref(), 3).await;
                for child in &children {
                    *met.entry(child.node.id).or_default() += 1;
                }
                let (Some(place), Some(last)) = (next, children.last()) else {
                    break;
                };
                writers.go_on(last.node.id).await;
                after = Some(place);
            }
            for node in &settled {
                assert_eq!(met.get(node), Some(&1), "{sort:?}");
            }
        }
    }
}
