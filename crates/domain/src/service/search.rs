use std::sync::Arc;

use super::access::Access;
use crate::error::Result;
use crate::model::{
    Action, Actor, Entry, Limit, Located, NodeId, NodeKind, Page, PathStep, SearchPosition, SearchText, authorize,
};
use crate::port::{self, Drive, Sought};

/// What somebody searches for, and which part of what is found is asked for.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// What the names hold.
    pub text: SearchText,
    /// Files only, or folders only; none for both.
    pub kind: Option<NodeKind>,
    /// The folder below which to search; none for everywhere.
    pub within: Option<NodeId>,
    /// The place after which the page begins; none for the first.
    pub after: Option<SearchPosition>,
    /// How many items it has at the most.
    pub limit: Limit,
}

/// One page of what was found: each item with the way to it, as far as the caller may see it; the item itself comes last.
pub type SearchPage = Page<(Entry, Vec<PathStep>), SearchPosition>;

/// Searching by name in all that the caller may see.
pub struct Search {
    access: Access,
    search: Arc<dyn port::Search>,
}

impl Search {
    /// Puts the service together.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, search: Arc<dyn port::Search>) -> Self {
        Self { access: Access::new(drive), search }
    }

    /// Files and folders that the caller owns or is shared with. A page may be short, even empty, and have a next.
    ///
    /// # Errors
    /// `NotFound` of the folder below which to search.
    pub async fn find(&self, actor: &Actor, query: SearchQuery) -> Result<SearchPage> {
        let SearchQuery { text, kind, within, after, limit } = query;
        let within = match within {
            Some(folder) => Some(self.access.of(actor.user, NodeKind::Folder, folder, Action::Read).await?),
            None => None,
        };
        let sought = Sought { text, kind, within, after, limit };
        let found = self.search.search(actor.user, &sought).await?;
        let items = found.items.into_iter().filter_map(|hit| seen(hit.located, actor, &sought));
        Ok(Page { items: items.collect(), next: found.next })
    }
}

/// What the caller sees of a node that the store has found, if the caller may see it and it is what was sought.
fn seen(located: Located, actor: &Actor, sought: &Sought) -> Option<(Entry, Vec<PathStep>)> {
    let node = &located.node;
    let is_sought = located.viewer == actor.user.into()
        && node.kind() != NodeKind::Root
        && sought.kind.is_none_or(|kind| kind == node.kind())
        && sought.text.is_in(&node.name.search_key())
        && sought.within.as_ref().is_none_or(|folder| {
            let folder = folder.node().id;
            folder != node.id && located.is_at_or_below(folder)
        });
    let located = authorize(Some(located).filter(|_| is_sought), Action::Read).ok()?.into_located();
    let path = located.path();
    Some((located.entry()?, path))
}
