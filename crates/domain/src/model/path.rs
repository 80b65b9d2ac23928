//! Paths: how clients that work by names address files and folders.

use super::{MAX_TREE_DEPTH, Name, NodeId};

/// The maximum number of names in a path: a file in a folder of the maximum depth.
pub const MAX_PATH_NAMES: usize = MAX_TREE_DEPTH as usize + 1;

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStart {
    /// The root of the viewer's own drive.
    OwnRoot,
    /// A folder or root, in any drive.
    Folder(NodeId),
}

/// The names from a folder down to something below it, at most [`MAX_PATH_NAMES`]; none for the folder itself.
///
/// ```
/// use clouddrive_domain::model::{Name, NodePath};
///
/// let names: Result<Vec<Name>, _> = "Letters/2026/answer.txt".split('/').map(Name::parse).collect();
/// assert_eq!(NodePath::new(names?).map(|path| path.names().len()), Some(3));
/// # Ok::<(), clouddrive_domain::model::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePath(Vec<Name>);

impl NodePath {
    /// Creates the path of `names`, topmost first; `None` if there are more than [`MAX_PATH_NAMES`], so that nothing
    /// can have it.
    #[must_use]
    pub fn new(names: Vec<Name>) -> Option<Self> {
        (names.len() <= MAX_PATH_NAMES).then_some(Self(names))
    }

    /// The names, topmost first.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_at_most_as_many_names_as_a_tree_has_levels() {
        let names = |count| vec![Name::parse("a").unwrap(); count];
        assert!(NodePath::new(names(0)).is_some_and(|path| path.names().is_empty()));
        assert!(NodePath::new(names(101)).is_some_and(|path| path.names().len() == 101));
        assert_eq!(NodePath::new(names(102)), None);
    }
}
