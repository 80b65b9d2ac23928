//! Versions: the contents that a file has and had.

use super::{Content, Person, Revision, Timestamp};

/// One content that a file has or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The content.
    pub content: Content,
    /// The revision of the file that came with it. Of two versions the newer one has the greater, whatever clocks say.
    pub revision: Revision,
    /// Who brought it.
    pub created_by: Person,
    /// When.
    pub created_at: Timestamp,
    /// Whether it is what the file holds now.
    pub is_current: bool,
}
