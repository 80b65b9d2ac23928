#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Change, ChangeKind, ChangePosition, Command, NodeId, NodeState, UserId};

use super::{Fixture, all_after, end};
use crate::fixture::TestUser;

/// The change log from `begin` on, and the entries expected in it.
pub(super) struct Log<'a> {
    fixture: &'a Fixture<'a>,
    start: ChangePosition,
    pub(super) expected: Vec<(Command, Change)>,
}

impl<'a> Log<'a> {
    pub(super) async fn begin(fixture: &'a Fixture<'a>) -> Self {
        Self { fixture, start: end(fixture).await, expected: Vec::new() }
    }

    /// A command that is expected to write one entry.
    pub(super) fn expect(&mut self, actor: UserId, change: Change) -> Command {
        let command = self.fixture.command(actor);
        self.expected.push((command.clone(), change));
        command
    }

    /// A command that is expected to write one entry about the account or the sessions of its actor.
    pub(super) fn expect_of(&mut self, user: UserId, kind: ChangeKind) -> Command {
        self.expect(user, Change::for_user(kind, user))
    }

    /// The last expected entry describes how `node` is now.
    pub(super) async fn after(&mut self, owner: &TestUser, node: NodeId) {
        let state = state(self.fixture, owner, node).await;
        self.expected.last_mut().unwrap().1.after = Some(state);
    }

    /// Asserts that the log has exactly the expected entries.
    pub(super) async fn check(self) {
        let entries = all_after(self.fixture, self.start).await;
        let entries: Vec<_> = entries.into_iter().map(|entry| (entry.command, entry.change)).collect();
        assert_eq!(entries, self.expected);
    }
}

/// How the owner finds `node` now.
pub(super) async fn state(fixture: &Fixture<'_>, owner: &TestUser, node: NodeId) -> NodeState {
    NodeState::from_node(&fixture.located(node, owner.id).await.node)
}
