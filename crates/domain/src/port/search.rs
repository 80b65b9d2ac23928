use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Grant, Limit, Located, NodeKind, Page, Position, SearchText, UserId};

/// Which nodes are sought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// What their names hold.
    pub text: SearchText,
    /// Files only, or folders only; none for both.
    pub kind: Option<NodeKind>,
    /// Leave to [read](crate::model::Action::Read) the folder below which they lie; none for everywhere.
    pub within: Option<Grant>,
    /// The place, of a list by name, after which the page begins; none for the first.
    pub after: Option<Position>,
    /// How many nodes the page has at the most.
    pub limit: Limit,
}

/// Finding files and folders by their names.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Search: Send + Sync {
    /// A page of the files and folders that are `sought`, as `viewer` finds them, by name as
    /// [`Drive::list`](super::Drive::list) has it: those in the viewer's own drive, and those that are shared with the
    /// viewer, directly or by what they lie in; none that lies in or below the trash, and no root.
    ///
    /// It is served from an index, by a number of statements that is fixed, each of which looks at a number of nodes that is
    /// bounded, however many there are. So a page may be short, even empty, and have a next one all the same. What the page
    /// ends with may then be a node that the viewer MUST NOT come to know of.
    async fn search(&self, viewer: UserId, sought: &Sought) -> Result<Page<Located, Position>>;
}
