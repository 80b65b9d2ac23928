use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Grant, Limit, Located, NodeKind, Page, SearchPosition, SearchText, UserId};

/// A search query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchCriteria {
    /// The text that names must contain.
    pub text: SearchText,
    /// Only files or only folders; none for both.
    pub kind: Option<NodeKind>,
    /// Grant to [read](crate::model::Action::Read) the folder to search below; none to search everywhere.
    pub within: Option<Grant>,
    /// The position after which the page begins; none for the first page.
    pub after: Option<SearchPosition>,
    /// The page size.
    pub limit: Limit,
}

/// A search result with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The node as seen by the viewer.
    pub located: Located,
    /// The position.
    pub position: SearchPosition,
}

/// Search for files and folders by name.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Limit, SearchText, UserId};
/// use clouddrive_domain::port::{Hit, SearchCriteria, SearchRepository};
///
/// /// Everything that matches, page by page.
/// async fn find_all(search: &dyn SearchRepository, user: UserId, text: SearchText) -> Result<Vec<Hit>> {
///     let mut criteria = SearchCriteria { text, kind: None, within: None, after: None, limit: Limit::default() };
///     let mut hits = Vec::new();
///     loop {
///         let page = search.search(user, &criteria).await?;
///         hits.extend(page.items);
///         criteria.after = page.next;
///         if criteria.after.is_none() {
///             return Ok(hits);
///         }
///     }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait SearchRepository: Send + Sync {
    /// A page of the files and folders that match `criteria`, as seen by `viewer`, in the order of [`SearchPosition`]:
    /// first those in the viewer's own drive, by name; then those shared with the viewer, directly or through a folder.
    /// Roots and nodes in or below the trash are excluded.
    ///
    /// The viewer's own drive is searched by an index; shared nodes, by a walk of only the trees that the viewer may
    /// see: the number of pages and their duration MUST NOT depend on nodes of other drives that the viewer may not
    /// see. A page takes a bounded number of statements, each over a bounded number of nodes, so it may be short or
    /// even empty and still have a next page. It ends early at the [maximum size](crate::model::PageRoom) of a page in
    /// bytes.
    async fn search(&self, viewer: UserId, criteria: &SearchCriteria) -> Result<Page<Hit, SearchPosition>>;
}
