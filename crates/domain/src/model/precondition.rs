//! Preconditions of conditional requests (RFC 9110, section 13.1.1).

use super::{Content, EntityTag, Node, Revision, Timestamp, VersionId};
use crate::error::{Error, Result};

/// A precondition: the item must have one of the tags or, if there are none given, its content must not have changed
/// since the given time; always met if neither is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    tags: Option<Vec<EntityTag>>,
    unmodified_since: Option<Timestamp>,
}

/// What the caller expects of a file whose content is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The same name, place and content.
    Revision(Revision),
    /// The same content.
    Version(VersionId),
}

impl Precondition {
    /// Requires one of these tags; never met if there are none.
    #[must_use]
    pub fn any_of(tags: impl IntoIterator<Item = EntityTag>) -> Self {
        Self { tags: Some(tags.into_iter().collect()), unmodified_since: None }
    }

    /// Requires content no newer than `at`, in whole seconds. Ignored if tags are given.
    #[must_use]
    pub fn unmodified_since(self, at: Option<Timestamp>) -> Self {
        Self { unmodified_since: at, ..self }
    }

    /// Whether there is no precondition.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.tags.is_none() && self.unmodified_since.is_none()
    }

    /// The revision that a change of `node` requires, if any: one of the given tags.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if `node` has none of the tags.
    pub fn on(&self, node: &Node) -> Result<Option<Revision>> {
        match &self.tags {
            None => Ok(None),
            Some(tags) if names(tags, node.revision) => Ok(Some(node.revision)),
            Some(_) => Err(Error::PreconditionFailed),
        }
    }

    /// What replacing `content` of `node` requires, if anything: the revision or the version that matched the tags or
    /// the time.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if neither has any of the tags, or the content is newer.
    pub fn on_content(&self, node: &Node, content: &Content) -> Result<Option<Seen>> {
        match (&self.tags, self.unmodified_since) {
            (None, None) => Ok(None),
            (None, Some(at)) if content.created_at.as_seconds() <= at.as_seconds() => {
                Ok(Some(Seen::Version(content.version)))
            }
            (Some(tags), _) if names(tags, node.revision) => Ok(Some(Seen::Revision(node.revision))),
            (Some(tags), _) if tags.iter().any(|tag| content.has_tag(tag)) => Ok(Some(Seen::Version(content.version))),
            _ => Err(Error::PreconditionFailed),
        }
    }
}

/// Tags are compared as text: `01` is not `1`.
fn names(tags: &[EntityTag], revision: Revision) -> bool {
    let revision = revision.0.to_string();
    tags.iter().any(|tag| tag.as_str() == revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{content, file_node};

    fn insisting(tags: &[&str]) -> Precondition {
        Precondition::any_of(tags.iter().map(|text| EntityTag::parse(text).unwrap()))
    }

    #[test]
    fn one_of_the_tags_has_to_be_that_of_the_node() {
        let node = file_node(Revision(12));
        assert_eq!(Precondition::default().on(&node).unwrap(), None);
        for tags in [&["12"][..], &["11", "12", "x"]] {
            assert_eq!(insisting(tags).on(&node).unwrap(), Some(Revision(12)), "{tags:?}");
        }
        for tags in [&[][..], &["11"], &["012", "+12"], &["00000000-0000-0000-0000-00000000004d"]] {
            assert!(matches!(insisting(tags).on(&node), Err(Error::PreconditionFailed)), "{tags:?}");
        }
    }

    #[test]
    fn a_content_is_known_by_its_own_tags_as_well() {
        let node = file_node(Revision(12));
        let stored = Content {
            store_tag: EntityTag::parse("d41d8-2").ok(),
            created_at: Timestamp::from_millis(5),
            ..content(1)
        };
        let (by_revision, by_version) = (Some(Seen::Revision(Revision(12))), Some(Seen::Version(stored.version)));
        assert_eq!(insisting(&["d41d8-2", "12"]).on_content(&node, &stored).unwrap(), by_revision);
        let version = stored.version.to_string();
        for tags in [&["x", "d41d8-2"][..], &[version.as_str()]] {
            assert_eq!(insisting(tags).on_content(&node, &stored).unwrap(), by_version, "{tags:?}");
        }
        assert!(matches!(insisting(&["d41d8"]).on_content(&node, &stored), Err(Error::PreconditionFailed)));
        assert!(matches!(insisting(&["d41d8-2"]).on_content(&node, &content(1)), Err(Error::PreconditionFailed)));
    }

    #[test]
    fn a_content_is_known_by_its_time_where_no_tag_is_named() {
        let node = file_node(Revision(12));
        let stored = Content { created_at: Timestamp::from_millis(7_300), ..content(1) };
        let since = |millis| Some(Timestamp::from_millis(millis));
        for same in [7_000, 7_999, 8_000] {
            let seen = Precondition::default().unmodified_since(since(same)).on_content(&node, &stored);
            assert_eq!(seen.unwrap(), Some(Seen::Version(stored.version)), "{same}");
        }
        let earlier = Precondition::default().unmodified_since(since(6_999));
        assert!(!earlier.is_none());
        assert!(matches!(earlier.on_content(&node, &stored), Err(Error::PreconditionFailed)));
        let by_tag = insisting(&["12"]).unmodified_since(since(0)).on_content(&node, &stored);
        assert_eq!(by_tag.unwrap(), Some(Seen::Revision(Revision(12))));
    }
}
