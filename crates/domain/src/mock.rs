//! Values for mock ports to return. The mocks themselves are in [`port`](crate::port).

#![expect(clippy::expect_used, reason = "a test that gives an invalid name fails by a panic")]

use uuid::Uuid;

use crate::model::{
    BlobKey, BlobRef, Content, DriveId, Located, MediaType, Name, Node, NodeBody, NodeId, Permission, Revision, Step,
    StoreName, Timestamp, UserId, UserRef, VersionId, Viewer,
};

/// A file or folder with the folders above it, as [`NodeRepository::find`](crate::port::NodeRepository::find) returns
/// it: begins at the root, and goes down by one node per call.
///
/// Identifiers are numbered and times are 0, unless a test says otherwise.
///
/// ```
/// use clouddrive_domain::mock::Branch;
/// use clouddrive_domain::model::{Action, Permission, UserId, authorize};
/// use clouddrive_domain::uuid::Uuid;
///
/// let (owner, guest) = (UserId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)));
/// let letter = Branch::new(owner).folder("Letters").shared(Permission::Edit).file("dear.txt", 10).seen_by(guest);
/// assert!(authorize(Some(letter.clone()), Action::Rename).is_ok());
/// assert!(authorize(Some(letter), Action::Share).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Branch {
    owner: UserRef,
    node: Node,
    /// From the root down to the node.
    steps: Vec<Step>,
}

impl Branch {
    /// The root of the drive of `owner`.
    #[must_use]
    pub fn new(owner: UserId) -> Self {
        let owner = UserRef { id: owner, username: Some("owner".to_owned()) };
        let node = Node {
            id: NodeId::from_uuid(Uuid::from_u128(100)),
            drive: DriveId::from_uuid(Uuid::from_u128(9)),
            parent: None,
            name: Name::root(),
            body: NodeBody::Root,
            revision: Revision(1),
            created_by: owner.clone(),
            created_at: Timestamp::from_millis(0),
            modified_at: Timestamp::from_millis(0),
        };
        let step = Step { id: node.id, name: node.name.clone(), trashed: false, share: None };
        Self { owner, node, steps: vec![step] }
    }

    /// A folder in the folder.
    ///
    /// # Panics
    /// If `name` is not a valid name.
    #[must_use]
    pub fn folder(self, name: &str) -> Self {
        self.below(name, NodeBody::Folder)
    }

    /// A file of `size` bytes in the folder.
    ///
    /// # Panics
    /// If `name` is not a valid name.
    #[must_use]
    pub fn file(self, name: &str, size: u64) -> Self {
        self.below(name, NodeBody::File(content(size)))
    }

    fn below(self, name: &str, body: NodeBody) -> Self {
        let node = Node {
            id: NodeId::from_uuid(Uuid::from_u128(100 + self.steps.len() as u128)),
            name: Name::parse(name).expect("a valid name"),
            parent: Some(self.node.id),
            body,
            ..self.node.clone()
        };
        self.node(node)
    }

    /// This node in the folder, as it is.
    #[must_use]
    pub fn node(mut self, node: Node) -> Self {
        self.steps.push(Step { id: node.id, name: node.name.clone(), trashed: false, share: None });
        self.node = node;
        self
    }

    /// Gives the node this identifier.
    #[must_use]
    pub fn with_id(mut self, id: NodeId) -> Self {
        self.node.id = id;
        self.change(|step| step.id = id)
    }

    /// Shares the node with the viewer.
    #[must_use]
    pub fn shared(self, permission: impl Into<Option<Permission>>) -> Self {
        let share = permission.into();
        self.change(|step| step.share = share)
    }

    /// Puts the node in the trash.
    #[must_use]
    pub fn trashed(self) -> Self {
        self.change(|step| step.trashed = true)
    }

    fn change(mut self, change: impl FnOnce(&mut Step)) -> Self {
        if let Some(step) = self.steps.last_mut() {
            change(step);
        }
        self
    }

    /// The node as `viewer` finds it.
    #[must_use]
    pub fn seen_by(self, viewer: impl Into<Viewer>) -> Located {
        let lineage = self.steps.into_iter().rev().collect();
        Located { node: self.node, owner: self.owner, viewer: viewer.into(), lineage }
    }
}

/// A content of `size` bytes.
pub(crate) fn content(size: u64) -> Content {
    Content {
        version: VersionId::from_uuid(Uuid::from_u128(77)),
        blob: BlobRef {
            store: StoreName::parse("disk").expect("a valid name"),
            key: BlobKey::parse("00112233445566778899aabbccddeeff").expect("a valid key"),
        },
        size,
        sha256: None,
        media_type: MediaType::octet_stream(),
        client_modified_at: None,
        store_tag: None,
        created_at: Timestamp::from_millis(0),
    }
}
