use std::sync::Arc;

use crate::error::Result;
use crate::model::{
    Action, Actor, Entry, Limit, Located, NodeId, NodeKind, Page, PathStep, Scope, SearchPosition, SearchText,
    authorize,
};
use crate::port::{self, NodeRepository, SearchCriteria};
use crate::service::access::Access;

/// A search by name, and which page of the results to return.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// The text to find in names.
    pub text: SearchText,
    /// Files only, or folders only; `None` for both.
    pub kind: Option<NodeKind>,
    /// The folder to search below; `None` to search everywhere.
    pub within: Option<NodeId>,
    /// The position to start after; `None` for the first page.
    pub after: Option<SearchPosition>,
    /// The page size limit.
    pub limit: Limit,
}

/// One page of results: each item with its path as far as visible to the caller, ending with the item itself.
pub type SearchPage = Page<(Entry, Vec<PathStep>), SearchPosition>;

/// Search by name in everything that the caller can see.
pub struct SearchService {
    access: Access,
    search: Arc<dyn port::SearchRepository>,
}

impl SearchService {
    /// Creates the service.
    #[must_use]
    pub fn new(drive: Arc<dyn NodeRepository>, search: Arc<dyn port::SearchRepository>) -> Self {
        Self { access: Access::new(drive), search }
    }

    /// Files and folders that the caller owns or that are shared with the caller. A page may be short, even empty, and
    /// have a next.
    ///
    /// Calls `NodeRepository::find` and `SearchRepository::search`.
    ///
    /// # Errors
    /// `NotFound` for the folder to search below.
    pub async fn find(&self, actor: &Actor, query: SearchQuery) -> Result<SearchPage> {
        actor.require(Scope::Read)?;
        let SearchQuery { text, kind, within, after, limit } = query;
        let within = match within {
            Some(folder) => Some(self.access.grant(actor, NodeKind::Folder, folder, Action::Read).await?),
            None => None,
        };
        let criteria = SearchCriteria { text, kind, within, after, limit };
        let found = self.search.search(actor.user, &criteria).await?;
        let items = found.items.into_iter().filter_map(|hit| seen(hit.located, actor, &criteria));
        Ok(Page { items: items.collect(), next: found.next })
    }
}

/// A node found by the store, as visible to the caller, if the caller may see it and it matches the query.
fn seen(located: Located, actor: &Actor, criteria: &SearchCriteria) -> Option<(Entry, Vec<PathStep>)> {
    let node = &located.node;
    let is_sought = located.viewer == actor.user.into()
        && node.kind() != NodeKind::Root
        && criteria.kind.is_none_or(|kind| kind == node.kind())
        && criteria.text.is_in(&node.name.search_key())
        && criteria.within.as_ref().is_none_or(|folder| {
            let folder = folder.node().id;
            folder != node.id && located.is_at_or_below(folder)
        });
    let located = authorize(Some(located).filter(|_| is_sought), Action::Read).ok()?.into_located();
    let path = located.path();
    Some((located.entry()?, path))
}

#[cfg(test)]
mod tests;
