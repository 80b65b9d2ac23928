use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Grant, Limit, Located, NodeKind, Page, SearchPosition, SearchText, UserId};

/// Which nodes are sought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// What their names hold.
    pub text: SearchText,
    /// Files only, or folders only; none for both.
    pub kind: Option<NodeKind>,
    /// Leave to [read](crate::model::Action::Read) the folder below which they lie; none for everywhere.
    pub within: Option<Grant>,
    /// The place after which the page begins; none for the first.
    pub after: Option<SearchPosition>,
    /// How many nodes the page has at the most.
    pub limit: Limit,
}

/// A node that was found, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The node as the viewer finds it.
    pub located: Located,
    /// Its place.
    pub position: SearchPosition,
}

/// Finding files and folders by their names.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Search: Send + Sync {
    /// A page of the files and folders that are `sought`, as `viewer` finds them, in the order of [`SearchPosition`]: those in
    /// the viewer's own drive, by name; then those that are shared with the viewer, directly or by what they lie in; none
    /// that lies in or below the trash, and no root.
    ///
    /// The own drive is served from an index; what is shared, by a walk of the trees that the viewer may see, and of nothing
    /// beside them: neither how many pages there are nor how long one takes MUST depend on a node of another drive that the
    /// viewer may not see. A page takes a bounded number of statements, each of which looks at a bounded number of nodes. So
    /// it may be short, even empty, and have a next one all the same. It ends early when it has
    /// [as many bytes](crate::model::PageRoom) as a page may have.
    async fn search(&self, viewer: UserId, sought: &Sought) -> Result<Page<Hit, SearchPosition>>;
}
