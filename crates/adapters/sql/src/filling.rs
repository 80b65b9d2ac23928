//! Pages of a search, from the viewer's own drive and from shared trees.

use std::collections::HashMap;

use clouddrive_domain::model::{Located, NodeId, PageRoom, SearchPosition};
use clouddrive_domain::port::Hit;

use crate::search::Spot;
use crate::walk::Walk;

/// A page being filled with fetched nodes, [a few](crate::search::FETCHED) at a time, until it is full.
#[derive(Default)]
pub struct Filling {
    /// The hits on the page.
    pub hits: Vec<Hit>,
    room: PageRoom,
}

impl Filling {
    /// Adds the nodes at those `places`; `nodes` may be in any order. Returns false if the page is full before all are
    /// added.
    pub fn add(&mut self, places: &[(NodeId, Spot)], nodes: Vec<Located>, walk: Option<&Walk>) -> bool {
        let mut nodes: HashMap<NodeId, Located> = nodes.into_iter().map(|found| (found.node.id, found)).collect();
        for (id, spot) in places {
            let Some(located) = nodes.remove(id) else { continue };
            let position = match spot {
                Spot::At(position) => Some(position.clone()),
                Spot::Tree(top) => walk.and_then(|walk| walk.position(&located, *top)).map(SearchPosition::Shared),
            };
            let Some(position) = position else { continue };
            if !self.room.takes(located.path_bytes()) {
                return false;
            }
            self.hits.push(Hit { located, position });
        }
        true
    }

    /// The position of the last hit.
    #[must_use]
    pub fn last(&self) -> Option<SearchPosition> {
        self.hits.last().map(|hit| hit.position.clone())
    }
}
