//! Random operations. A node or share is picked by a number that counts back from the latest one and wraps around, so
//! that a shrunk sequence stays valid.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::reference::{Conflict, Content, Role, UserIndex};

/// The number of people.
pub const PEOPLE: usize = 3;

/// Names that clash in many ways.
const NAMES: [&str; 8] = ["a", "b", "A", "a.txt", "a (1).txt", "b.tar.gz", ".a", "\u{e9}"];

/// Picks one of the nodes or shares created so far.
pub type Pick = usize;

#[derive(Clone, Debug)]
pub enum OperationKind {
    CreateFolder { folder: Option<Pick>, name: &'static str },
    Upload { folder: Option<Pick>, name: &'static str, content: Content, conflict: Conflict },
    PutContent { node: Pick, content: Content },
    Move { node: Pick, name: Option<&'static str>, to: Option<Option<Pick>>, conflict: Conflict },
    Copy { node: Pick, to: Option<Pick>, name: Option<&'static str>, conflict: Conflict },
    Trash { node: Pick },
    Restore { node: Pick, to: Option<Option<Pick>> },
    Purge { node: Pick },
    EmptyTrash,
    RestoreVersion { node: Pick, version: Pick },
    DeleteVersion { node: Pick, version: Pick },
    Share { node: Pick, guest: UserIndex, role: Role },
    ChangeShare { share: Pick, role: Role },
    EndShare { share: Pick },
}

/// An operation by one person.
#[derive(Clone, Debug)]
pub struct Operation {
    pub who: UserIndex,
    pub what: OperationKind,
}

fn pick() -> impl Strategy<Value = Pick> {
    // Favours the latest.
    prop_oneof![4 => 0_usize..4, 2 => 0_usize..12, 1 => 0_usize..40]
}

fn folder() -> impl Strategy<Value = Option<Pick>> {
    proptest::option::weighted(0.7, pick())
}

fn name() -> impl Strategy<Value = &'static str> {
    select(NAMES.as_slice())
}

fn content() -> impl Strategy<Value = Content> {
    let size = prop_oneof![1 => Just(0_u64), 6 => 1_u64..60, 1 => 60_u64..500];
    (any::<u8>(), size).prop_map(|(byte, size)| Content { byte, size })
}

fn conflict() -> impl Strategy<Value = Conflict> {
    select([Conflict::Fail, Conflict::Replace, Conflict::Keep].as_slice())
}

fn role() -> impl Strategy<Value = Role> {
    select([Role::View, Role::Edit].as_slice())
}

fn what() -> impl Strategy<Value = OperationKind> {
    prop_oneof![
        6 => (folder(), name()).prop_map(|(folder, name)| OperationKind::CreateFolder { folder, name }),
        8 => (folder(), name(), content(), conflict())
            .prop_map(|(folder, name, content, conflict)| OperationKind::Upload { folder, name, content, conflict }),
        2 => (pick(), content()).prop_map(|(node, content)| OperationKind::PutContent { node, content }),
        6 => (pick(), proptest::option::of(name()), proptest::option::of(folder()), conflict())
            .prop_filter("something must change", |(_, name, to, _)| name.is_some() || to.is_some())
            .prop_map(|(node, name, to, conflict)| OperationKind::Move { node, name, to, conflict }),
        4 => (pick(), folder(), proptest::option::of(name()), conflict())
            .prop_map(|(node, to, name, conflict)| OperationKind::Copy { node, to, name, conflict }),
        3 => pick().prop_map(|node| OperationKind::Trash { node }),
        3 => (pick(), proptest::option::weighted(0.3, folder())).prop_map(|(node, to)| OperationKind::Restore { node, to }),
        1 => pick().prop_map(|node| OperationKind::Purge { node }),
        1 => Just(OperationKind::EmptyTrash),
        2 => (pick(), pick()).prop_map(|(node, version)| OperationKind::RestoreVersion { node, version }),
        1 => (pick(), pick()).prop_map(|(node, version)| OperationKind::DeleteVersion { node, version }),
        4 => (pick(), 0..PEOPLE, role()).prop_map(|(node, guest, role)| OperationKind::Share { node, guest, role }),
        1 => (pick(), role()).prop_map(|(share, role)| OperationKind::ChangeShare { share, role }),
        1 => pick().prop_map(|share| OperationKind::EndShare { share }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    // Favours the first person, so that one drive fills up.
    let who = prop_oneof![3 => Just(0_usize), 1 => 0..PEOPLE];
    (who, what()).prop_map(|(who, what)| Operation { who, what })
}

/// A story of 1 to `max` operations.
pub fn operations(max: usize) -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(), 1..=max)
}
