//! What every implementation of [`Search`](clouddrive_domain::port::Search) does.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{
    Action, Limit, Located, NodeId, NodeKind, Page, Permission, Position, SearchText, SortValue, UserId,
};
use clouddrive_domain::port::Sought;

use crate::Persistence;
use crate::world::{Member, World, name, run};

/// Runs every case. That nothing shows which lies in the trash is for tests that can put something there.
///
/// # Panics
/// When the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        a_node_is_found_as_its_viewer_finds_it,
        a_text_is_found_anywhere_in_a_name_without_regard_to_case,
        names_of_every_script_are_found,
        no_character_stands_for_others,
        one_or_two_characters_are_found_where_a_name_begins,
        files_and_folders_are_found_by_their_kind,
        what_is_shared_is_found_and_nothing_beside_it,
        what_is_shared_no_more_is_not_found,
        a_strangers_name_never_shows,
        below_a_folder_only_what_lies_below_it_is_found,
        a_new_name_is_found_at_once_and_the_old_one_no_more,
        what_is_found_comes_by_name,
        pages_of_any_size_make_the_same_list,
        a_page_goes_on_where_the_last_one_ended_whatever_is_gone,
        roots_are_never_found,
    );
}

fn sought(text: &str) -> Sought {
    let text = SearchText::parse(text).unwrap();
    Sought { text, kind: None, within: None, after: None, limit: Limit::new(100).unwrap() }
}

async fn page(world: &World<'_>, viewer: UserId, sought: &Sought) -> Page<Located, Position> {
    let page = world.store.search.search(viewer, sought).await.unwrap();
    assert!(page.items.len() <= sought.limit.get());
    page
}

/// All pages, one after the other.
async fn walk(world: &World<'_>, viewer: UserId, mut sought: Sought) -> Vec<Located> {
    let mut found = Vec::new();
    loop {
        let page = page(world, viewer, &sought).await;
        found.extend(page.items);
        if page.next.is_none() {
            return found;
        }
        assert_ne!(page.next, sought.after, "a walk that does not end");
        sought.after = page.next;
    }
}

async fn names(world: &World<'_>, viewer: UserId, text: &str) -> Vec<String> {
    walk(world, viewer, sought(text)).await.iter().map(|found| found.node.name.to_string()).collect()
}

async fn ids(world: &World<'_>, viewer: UserId, sought: Sought) -> BTreeSet<NodeId> {
    let found = walk(world, viewer, sought).await;
    let ids: BTreeSet<NodeId> = found.iter().map(|found| found.node.id).collect();
    assert_eq!(ids.len(), found.len(), "something was found twice");
    ids
}

async fn folders(world: &World<'_>, of: &Member, texts: &[&str]) {
    for text in texts {
        world.folder(of.id, of.root, text).await;
    }
}

async fn a_node_is_found_as_its_viewer_finds_it(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let a = world.folder(ann.id, ann.root, "above").await;
    let b = world.folder(ann.id, a, "below").await;
    let file = world.file(ann.id, b, "plan of it.txt", 5).await;
    world.share(ann.id, b, bob.id, Permission::Edit).await;
    for viewer in [ann.id, bob.id] {
        assert_eq!(walk(world, viewer, sought("PLAN")).await, [world.located(file, viewer).await]);
    }
}

async fn a_text_is_found_anywhere_in_a_name_without_regard_to_case(world: &World<'_>) {
    let ann = world.member().await;
    folders(world, &ann, &["Annual Report 2025.pdf", "report", "reporting", "re port", "prt", "x"]).await;
    for text in ["report", "REPORT", "eport", "Repor"] {
        assert_eq!(names(world, ann.id, text).await, ["Annual Report 2025.pdf", "report", "reporting"], "{text}");
    }
    assert_eq!(names(world, ann.id, "report 2025.pdf").await, ["Annual Report 2025.pdf"]);
    assert_eq!(names(world, ann.id, "l r").await, ["Annual Report 2025.pdf"]);
    assert_eq!(names(world, ann.id, "5.p").await, ["Annual Report 2025.pdf"]);
    for text in ["reports", "trope", "report 2025.pdff", "rrr"] {
        assert_eq!(names(world, ann.id, text).await, Vec::<String>::new(), "{text}");
    }
}

async fn names_of_every_script_are_found(world: &World<'_>) {
    let ann = world.member().await;
    for (text, has) in [
        ("Große Straße", "STRASSE"),
        ("GRO\u{1e9e}E STRASSE", "straße"),
        ("İzmir", "İZMIR"),
        ("Ο ΣΊΣΥΦΟΣ.txt", "σίσυφος"),
        ("ὁ Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("新日本語の本", "日本語"),
        ("party 🎉🎊🎈 now", "🎉🎊🎈"),
        ("жук и жаба", "ЖУК"),
        ("caf\u{e9} cr\u{e8}me", "CAFE\u{301}"),
    ] {
        let member = world.member().await;
        folders(world, &member, &[text, "another"]).await;
        assert_eq!(names(world, member.id, has).await, [text], "{has}");
        assert_eq!(names(world, ann.id, has).await, Vec::<String>::new(), "{has}");
    }
    let bob = world.member().await;
    folders(world, &bob, &["ßig", "Über", "über uns", "日本語", "🎉"]).await;
    for (text, expected) in [
        ("S", vec!["ßig"]),
        ("ẞ", vec!["ßig"]),
        ("Ü", vec!["Über", "über uns"]),
        ("日本", vec!["日本語"]),
        ("🎉", vec!["🎉"]),
    ] {
        assert_eq!(names(world, bob.id, text).await, expected, "{text}");
    }
}

async fn no_character_stands_for_others(world: &World<'_>) {
    let ann = world.member().await;
    let all = ["50% off", "50x off", "a_b", "axb", "a*b", "say \"abc\" now", "abc", "it's abc"];
    folders(world, &ann, &all).await;
    for (text, expected) in [
        ("50% o", vec!["50% off"]),
        ("0% ", vec!["50% off"]),
        ("a_b", vec!["a_b"]),
        ("a*b", vec!["a*b"]),
        ("\"abc\"", vec!["say \"abc\" now"]),
        ("'s abc", vec!["it's abc"]),
        ("%%%", vec![]),
        ("___", vec![]),
        ("\\\\\\", vec![]),
        ("a\\b", vec![]),
        ("%", vec![]),
        ("_b", vec![]),
        ("a%b", vec![]),
        ("abc OR axb", vec![]),
        ("NOT abc", vec![]),
        ("[abc]", vec![]),
        ("/// ", vec![]),
    ] {
        assert_eq!(names(world, ann.id, text).await, expected, "{text}");
    }
}

async fn one_or_two_characters_are_found_where_a_name_begins(world: &World<'_>) {
    let ann = world.member().await;
    folders(world, &ann, &["a", "A", "ab", "abc", "ba", "Abz", "ac", "a\u{10ffff}", "b"]).await;
    assert_eq!(names(world, ann.id, "A").await, ["A", "a", "ab", "abc", "Abz", "ac", "a\u{10ffff}"]);
    assert_eq!(names(world, ann.id, "aB").await, ["ab", "abc", "Abz"]);
    assert_eq!(names(world, ann.id, "bc").await, Vec::<String>::new());
    assert_eq!(names(world, ann.id, "b").await, ["b", "ba"]);
}

async fn files_and_folders_are_found_by_their_kind(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "one of them").await;
    let file = world.file(ann.id, ann.root, "two of them", 1).await;
    for (text, kind, expected) in [
        ("of them", None, vec![folder, file]),
        ("of them", Some(NodeKind::Folder), vec![folder]),
        ("of them", Some(NodeKind::File), vec![file]),
        ("tw", Some(NodeKind::File), vec![file]),
        ("tw", Some(NodeKind::Folder), vec![]),
    ] {
        let found = ids(world, ann.id, Sought { kind, ..sought(text) }).await;
        assert_eq!(found, expected.into_iter().collect(), "{text} {kind:?}");
    }
}

async fn what_is_shared_is_found_and_nothing_beside_it(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "needle on top").await;
    let shared = world.folder(ann.id, top, "needle that is shared").await;
    let below = world.folder(ann.id, shared, "hay").await;
    let deep = world.file(ann.id, below, "needle far below", 1).await;
    let alone = world.file(ann.id, top, "needle alone", 1).await;
    world.folder(ann.id, top, "needle beside").await;
    let own = world.folder(bob.id, bob.root, "needle of bob's own").await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([own]));
    world.share(ann.id, shared, bob.id, Permission::View).await;
    world.share(ann.id, alone, bob.id, Permission::Edit).await;
    for text in ["needle", "ne"] {
        assert_eq!(ids(world, bob.id, sought(text)).await, BTreeSet::from([own, shared, deep, alone]), "{text}");
        assert_eq!(ids(world, ann.id, sought(text)).await.len(), 5, "{text}");
    }
    // Pages of one tell nothing of what lies beside it.
    for text in ["needle", "ne"] {
        let one = Sought { limit: Limit::new(1).unwrap(), ..sought(text) };
        let first = page(world, bob.id, &one).await;
        assert_eq!(first.items.len(), 1, "{text}");
    }
    // What moves in is shared too, and what moves out is not.
    world.move_into(ann.id, alone, shared).await.unwrap();
    world.move_into(ann.id, deep, ann.root).await.unwrap();
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([own, shared, alone]));
}

async fn what_is_shared_no_more_is_not_found(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "needles").await;
    let file = world.file(ann.id, folder, "needle", 1).await;
    let on_folder = world.share(ann.id, folder, bob.id, Permission::View).await;
    let on_file = world.share(ann.id, file, bob.id, Permission::View).await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([folder, file]));
    world.revoke(ann.id, on_folder).await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([file]));
    world.revoke(ann.id, on_file).await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::new());
}

async fn a_strangers_name_never_shows(world: &World<'_>) {
    let (ann, bob, carl) = (world.member().await, world.member().await, world.member().await);
    let mut mine = BTreeSet::new();
    for member in [&ann, &bob, &carl] {
        let id = world.folder(member.id, member.root, "the very same name").await;
        if member.id == ann.id {
            mine.insert(id);
        }
    }
    // A share with another changes nothing for ann.
    let other = world.folder(bob.id, bob.root, "the very same name too").await;
    world.share(bob.id, other, carl.id, Permission::Edit).await;
    for text in ["very same", "th"] {
        let limit = Limit::new(1).unwrap();
        let found = page(world, ann.id, &Sought { limit, ..sought(text) }).await;
        assert_eq!(found.items.iter().map(|found| found.node.id).collect::<BTreeSet<_>>(), mine);
        assert_eq!(found.next, None, "{text}: that there is more is not for ann to know");
    }
    assert_eq!(ids(world, world.id(), sought("very same")).await, BTreeSet::new());
}

async fn below_a_folder_only_what_lies_below_it_is_found(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "needle box").await;
    let inner = world.folder(ann.id, top, "needle case").await;
    let deep = world.file(ann.id, inner, "needle", 1).await;
    let elsewhere = world.folder(ann.id, ann.root, "needle elsewhere").await;
    world.share(ann.id, inner, bob.id, Permission::View).await;
    let below = async |viewer: &Member, folder: NodeId, text: &str| {
        let within = Some(world.grant(viewer.id, folder, Action::Read).await);
        ids(world, viewer.id, Sought { within, ..sought(text) }).await
    };
    for text in ["needle", "ne"] {
        assert_eq!(below(&ann, top, text).await, BTreeSet::from([inner, deep]), "{text}");
        assert_eq!(below(&ann, inner, text).await, BTreeSet::from([deep]), "{text}");
        assert_eq!(below(&ann, elsewhere, text).await, BTreeSet::new(), "{text}");
        assert_eq!(below(&ann, ann.root, text).await.len(), 4, "{text}");
        assert_eq!(below(&bob, inner, text).await, BTreeSet::from([deep]), "{text}");
    }
}

async fn a_new_name_is_found_at_once_and_the_old_one_no_more(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "former name").await;
    let file = world.file(ann.id, folder, "content", 1).await;
    world.rename(ann.id, folder, "present name").await.unwrap();
    assert_eq!(names(world, ann.id, "former").await, Vec::<String>::new());
    assert_eq!(names(world, ann.id, "present").await, ["present name"]);
    // Another case is another name, and a file's other content leaves its name alone.
    world.rename(ann.id, folder, "PRESENT name").await.unwrap();
    world.replace(ann.id, folder, "content", 2).await;
    assert_eq!(names(world, ann.id, "present").await, ["PRESENT name"]);
    assert_eq!(ids(world, ann.id, sought("content")).await, BTreeSet::from([file]));
    let refused = world.rename(ann.id, file, "PRESENT name").await;
    assert!(refused.is_ok(), "names are taken in one folder only");
    assert_eq!(names(world, ann.id, "content").await, Vec::<String>::new());
}

/// Folders whose names hold `tool`, of two members, some of them the same; both for `ann` to see.
async fn tools(world: &World<'_>) -> (Member, Vec<Located>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shelf = world.folder(bob.id, bob.root, "shelf").await;
    world.share(bob.id, shelf, ann.id, Permission::View).await;
    let mut nodes = Vec::new();
    for text in ["tool", "Tool", "TOOL b", "tool a", "a tool", "Ä tool", "z tool", "tool_", "tools", "toolß"] {
        nodes.push(world.folder(ann.id, ann.root, text).await);
        nodes.push(world.folder(bob.id, shelf, text).await);
        world.folder(bob.id, bob.root, text).await;
    }
    let mut found = Vec::new();
    for node in nodes {
        found.push(world.located(node, ann.id).await);
    }
    let key =
        |found: &Located| (found.node.name.sort_key(), found.node.name.clone(), *found.node.id.as_uuid().as_bytes());
    found.sort_by_key(key);
    (ann, found)
}

async fn what_is_found_comes_by_name(world: &World<'_>) {
    let (ann, expected) = tools(world).await;
    let found = page(world, ann.id, &sought("tool")).await;
    assert_eq!((found.items, found.next), (expected, None));
}

async fn pages_of_any_size_make_the_same_list(world: &World<'_>) {
    let (ann, expected) = tools(world).await;
    let beginning: Vec<Located> =
        expected.iter().filter(|found| found.node.name.sort_key().starts_with("to")).cloned().collect();
    for size in [1, 2, 3, 7, 19, 20, 21] {
        let limit = Limit::new(size).unwrap();
        assert_eq!(walk(world, ann.id, Sought { limit, ..sought("tool") }).await, expected, "in pages of {size}");
        assert_eq!(walk(world, ann.id, Sought { limit, ..sought("to") }).await, beginning, "in pages of {size}");
    }
}

async fn a_page_goes_on_where_the_last_one_ended_whatever_is_gone(world: &World<'_>) {
    let ann = world.member().await;
    folders(world, &ann, &["tool 1", "tool 2", "tool 3", "tool 4"]).await;
    for text in ["tool", "to"] {
        let two = Sought { limit: Limit::new(2).unwrap(), ..sought(text) };
        let first = page(world, ann.id, &two).await;
        assert_eq!(first.items.len(), 2);
        // What it ended with is elsewhere by then, and something new stands before.
        let last = first.items.last().unwrap().node.id;
        world.rename(ann.id, last, "moved on").await.unwrap();
        let new = world.folder(ann.id, ann.root, "tool 0").await;
        let rest = walk(world, ann.id, Sought { after: first.next, ..two.clone() }).await;
        let rest: Vec<String> = rest.iter().map(|found| found.node.name.to_string()).collect();
        assert_eq!(rest, ["tool 3", "tool 4"], "{text}");
        world.rename(ann.id, last, "tool 2").await.unwrap();
        world.rename(ann.id, new, &format!("another {text}")).await.unwrap();
    }
    // A place is a name and an identifier, whether or not there is such a node.
    let after = Some(Position { value: SortValue::Name(name("tool 25")), id: world.id() });
    let rest = walk(world, ann.id, Sought { after, ..sought("tool") }).await;
    assert_eq!(rest.len(), 2);
}

async fn roots_are_never_found(world: &World<'_>) {
    let ann = world.member().await;
    for text in ["drive", "dr", "d"] {
        assert_eq!(names(world, ann.id, text).await, Vec::<String>::new(), "{text}");
    }
    folders(world, &ann, &["drive"]).await;
    assert_eq!(names(world, ann.id, "drive").await, ["drive"]);
}
