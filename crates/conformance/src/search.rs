//! What every implementation of [`Search`](clouddrive_domain::port::Search) does.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{
    Action, Limit, Located, NodeId, NodeKind, OrderKey, Page, Permission, SearchPosition, SearchText, UserId,
};
use clouddrive_domain::port::{Hit, Sought};

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
        accents_width_and_compatibility_forms_do_not_matter,
        no_character_stands_for_others,
        one_or_two_characters_are_found_anywhere,
        files_and_folders_are_found_by_their_kind,
        what_is_shared_is_found_and_nothing_beside_it,
        what_is_shared_no_more_is_not_found,
        a_strangers_name_never_shows,
        below_a_folder_only_what_lies_below_it_is_found,
        a_new_name_is_found_at_once_and_the_old_one_no_more,
        what_is_found_comes_by_name_and_then_what_is_shared,
        pages_of_any_size_make_the_same_list,
        a_shared_tree_is_walked_whole_whatever_its_shape,
        what_is_shared_twice_is_found_once,
        a_walk_goes_on_beside_what_was_moved_away,
        what_is_invisible_makes_no_page_more,
        a_page_ends_when_it_has_too_many_bytes,
        a_page_goes_on_where_the_last_one_ended_whatever_is_gone,
        roots_are_never_found,
    );
}

fn sought(text: &str) -> Sought {
    let text = SearchText::parse(text).unwrap();
    Sought { text, kind: None, within: None, after: None, limit: Limit::new(100).unwrap() }
}

async fn page(world: &World<'_>, viewer: UserId, sought: &Sought) -> Page<Hit, SearchPosition> {
    let page = world.store.search.search(viewer, sought).await.unwrap();
    assert!(page.items.len() <= sought.limit.get());
    page
}

/// All pages, one after the other.
async fn walk(world: &World<'_>, viewer: UserId, mut sought: Sought) -> Vec<Located> {
    let mut found = Vec::new();
    loop {
        let page = page(world, viewer, &sought).await;
        found.extend(page.items.into_iter().map(|hit| hit.located));
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
        ("S", vec!["ßig", "über uns"]),
        ("ẞ", vec!["ßig"]),
        ("Ü", vec!["Über", "über uns"]),
        ("日本", vec!["日本語"]),
        ("本", vec!["日本語"]),
        ("本語", vec!["日本語"]),
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
        ("%", vec!["50% off"]),
        ("_b", vec!["a_b"]),
        ("a%b", vec![]),
        ("abc OR axb", vec![]),
        ("NOT abc", vec![]),
        ("[abc]", vec![]),
        ("/// ", vec![]),
    ] {
        assert_eq!(names(world, ann.id, text).await, expected, "{text}");
    }
}

async fn one_or_two_characters_are_found_anywhere(world: &World<'_>) {
    let ann = world.member().await;
    folders(world, &ann, &["a", "A", "ab", "abc", "ba", "Abz", "ac", "a\u{10ffff}", "b"]).await;
    let all = ["a", "A", "ab", "abc", "Abz", "ac", "a\u{10ffff}", "ba"];
    assert_eq!(names(world, ann.id, "A").await, all);
    assert_eq!(names(world, ann.id, "aB").await, ["ab", "abc", "Abz"]);
    assert_eq!(names(world, ann.id, "bc").await, ["abc"]);
    assert_eq!(names(world, ann.id, "b").await, ["ab", "abc", "Abz", "b", "ba"]);
    assert_eq!(names(world, ann.id, "\u{10ffff}").await, ["a\u{10ffff}"]);
}

async fn accents_width_and_compatibility_forms_do_not_matter(world: &World<'_>) {
    let ann = world.member().await;
    let all = ["Crème brûlée", "ＦＵＬＬ　ｗｉｄｔｈ", "ﬁnal №5", "Łódź", "カタカナ", "がっこう", "한국어"];
    folders(world, &ann, &all).await;
    for (text, expected) in [
        ("creme", vec!["Crème brûlée"]),
        ("BRULÉE", vec!["Crème brûlée"]),
        ("full w", vec!["ＦＵＬＬ　ｗｉｄｔｈ"]),
        ("ｉｎ", vec!["ﬁnal №5"]),
        ("final no5", vec!["ﬁnal №5"]),
        ("lodz", vec!["Łódź"]),
        ("ﾀｶ", vec!["カタカナ"]),
        // Another letter, not the same with an accent.
        ("か", vec![]),
        ("が", vec!["がっこう"]),
        ("국", vec!["한국어"]),
        ("하", vec![]),
    ] {
        assert_eq!(names(world, ann.id, text).await, expected, "{text}");
    }
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
        assert_eq!(found.items.iter().map(|hit| hit.located.node.id).collect::<BTreeSet<_>>(), mine);
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
    let is_shared = |found: &Located| found.owner.id == bob.id;
    found.sort_by_key(|found| {
        let node = &found.node;
        let own = (!is_shared(found)).then(|| OrderKey::of(&node.name));
        (is_shared(found), own, is_shared(found).then_some(node.created_at), *node.id.as_uuid().as_bytes())
    });
    (ann, found)
}

async fn what_is_found_comes_by_name_and_then_what_is_shared(world: &World<'_>) {
    let (ann, expected) = tools(world).await;
    let found = page(world, ann.id, &sought("tool")).await;
    let items: Vec<Located> = found.items.into_iter().map(|hit| hit.located).collect();
    assert_eq!((items, found.next), (expected, None));
}

async fn pages_of_any_size_make_the_same_list(world: &World<'_>) {
    let (ann, expected) = tools(world).await;
    for text in ["tool", "to", "o"] {
        for size in [1, 2, 3, 7, 19, 20, 21] {
            let limit = Limit::new(size).unwrap();
            let found = walk(world, ann.id, Sought { limit, ..sought(text) }).await;
            assert_eq!(found, expected, "{text} in pages of {size}");
        }
    }
}

/// A tree of that many folders side by side, so many levels deep, with a file in each, below a folder of `of`.
async fn tree(world: &World<'_>, of: &Member, top: NodeId, wide: usize, deep: usize) -> BTreeSet<NodeId> {
    let mut all = BTreeSet::new();
    let mut level = vec![top];
    for depth in 0..=deep {
        let mut next = Vec::new();
        for (number, folder) in level.into_iter().enumerate() {
            all.insert(world.file(of.id, folder, &format!("leaf {depth} {number}"), 1).await);
            for branch in 0..if depth < deep { wide } else { 0 } {
                let made = world.folder(of.id, folder, &format!("leafy {branch}")).await;
                all.insert(made);
                next.push(made);
            }
        }
        level = next;
    }
    all
}

async fn a_shared_tree_is_walked_whole_whatever_its_shape(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let mut expected = BTreeSet::new();
    for (text, wide, deep) in [("bush", 3, 2), ("mast", 1, 6), ("stump", 0, 0), ("hedge", 5, 1)] {
        let top = world.folder(ann.id, ann.root, text).await;
        expected.extend(tree(world, &ann, top, wide, deep).await);
        world.share(ann.id, top, bob.id, Permission::View).await;
    }
    let alone = world.file(ann.id, ann.root, "leaf alone", 1).await;
    world.share(ann.id, alone, bob.id, Permission::View).await;
    expected.insert(alone);
    for text in ["leaf", "le", "f"] {
        let whole: Vec<NodeId> = walk(world, bob.id, sought(text)).await.iter().map(|found| found.node.id).collect();
        assert_eq!(whole.iter().copied().collect::<BTreeSet<_>>(), expected, "{text}");
        for size in [1, 2, 5, 13] {
            let limit = Limit::new(size).unwrap();
            let found = walk(world, bob.id, Sought { limit, ..sought(text) }).await;
            let found: Vec<NodeId> = found.iter().map(|found| found.node.id).collect();
            assert_eq!(found, whole, "{text} in pages of {size}");
        }
    }
}

async fn what_is_shared_twice_is_found_once(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "needle case").await;
    let inner = world.folder(ann.id, top, "needle box").await;
    let file = world.file(ann.id, inner, "needle", 1).await;
    for node in [file, inner, top] {
        world.share(ann.id, node, bob.id, Permission::View).await;
    }
    for size in [1, 2, 10] {
        let limit = Limit::new(size).unwrap();
        assert_eq!(ids(world, bob.id, Sought { limit, ..sought("need") }).await, BTreeSet::from([top, inner, file]));
    }
}

async fn a_walk_goes_on_beside_what_was_moved_away(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    world.share(ann.id, top, bob.id, Permission::View).await;
    let first = world.folder(ann.id, top, "first").await;
    let inner = world.folder(ann.id, first, "inner").await;
    for text in ["twig 1", "twig 2"] {
        world.file(ann.id, inner, text, 1).await;
    }
    let second = world.folder(ann.id, top, "second").await;
    let last = world.file(ann.id, second, "twig 3", 1).await;
    let one = Sought { limit: Limit::new(1).unwrap(), ..sought("twig") };
    for gone in [inner, first] {
        let begun = page(world, bob.id, &one).await;
        assert_eq!(begun.items.len(), 1);
        world.move_into(ann.id, gone, ann.root).await.unwrap();
        let rest = walk(world, bob.id, Sought { after: begun.next, ..one.clone() }).await;
        assert_eq!(rest.iter().map(|found| found.node.id).collect::<Vec<_>>(), [last]);
        world.move_into(ann.id, inner, first).await.unwrap();
        if gone == first {
            world.move_into(ann.id, first, top).await.unwrap();
        }
    }
    // Nothing of it is seen any more: what is left are other shares.
    let begun = page(world, bob.id, &one).await;
    let other = world.file(ann.id, ann.root, "twig of another tree", 1).await;
    world.share(ann.id, other, bob.id, Permission::View).await;
    let share = world.store.shares.list_received(bob.id, None, Limit::new(10).unwrap()).await.unwrap();
    let share = share.iter().find(|(_, located)| located.node.id == top).unwrap().0.id;
    world.revoke(ann.id, share).await;
    let rest = walk(world, bob.id, Sought { after: begun.next, ..one }).await;
    assert_eq!(rest.iter().map(|found| found.node.id).collect::<Vec<_>>(), [other]);
}

/// How many pages a search has, and how many items each.
async fn pages(world: &World<'_>, viewer: UserId, mut sought: Sought) -> Vec<usize> {
    let mut counts = Vec::new();
    loop {
        let page = page(world, viewer, &sought).await;
        counts.push(page.items.len());
        sought.after = page.next;
        if sought.after.is_none() {
            return counts;
        }
    }
}

async fn what_is_invisible_makes_no_page_more(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    for number in 0..3 {
        world.file(ann.id, shared, &format!("needle {number}"), 1).await;
    }
    world.share(ann.id, shared, bob.id, Permission::View).await;
    world.folder(bob.id, bob.root, "needle of bob").await;
    let searches = ["needle", "ne", "nothing"].map(|text| Sought { limit: Limit::new(2).unwrap(), ..sought(text) });
    let mut before = Vec::new();
    for search in &searches {
        before.push(pages(world, bob.id, search.clone()).await);
    }
    assert_eq!(before, [vec![2, 2], vec![2, 2], vec![0]]);
    let hidden = world.folder(ann.id, ann.root, "needle of ann").await;
    for number in 0..40 {
        world.folder(ann.id, hidden, &format!("needle, nothing {number}")).await;
    }
    for (search, before) in searches.into_iter().zip(before) {
        assert_eq!(pages(world, bob.id, search).await, before);
    }
}

async fn a_page_ends_when_it_has_too_many_bytes(world: &World<'_>) {
    let ann = world.member().await;
    let mut folder = ann.root;
    let long = "l".repeat(255);
    for _ in 0..60 {
        folder = world.folder(ann.id, folder, &long).await;
    }
    let mut expected = BTreeSet::new();
    for number in 0..90 {
        expected.insert(world.folder(ann.id, folder, &format!("needle {number}")).await);
    }
    let counts = pages(world, ann.id, sought("needle")).await;
    // Each has a path of 60 × 255 bytes and more, of which less than 70 make a mebibyte.
    assert!(matches!(counts.as_slice(), [50..70, _]), "{counts:?}");
    assert_eq!(ids(world, ann.id, sought("needle")).await, expected);
}

async fn a_page_goes_on_where_the_last_one_ended_whatever_is_gone(world: &World<'_>) {
    let ann = world.member().await;
    folders(world, &ann, &["tool 1", "tool 2", "tool 3", "tool 4"]).await;
    for text in ["tool", "to"] {
        let two = Sought { limit: Limit::new(2).unwrap(), ..sought(text) };
        let first = page(world, ann.id, &two).await;
        assert_eq!(first.items.len(), 2);
        // What it ended with is elsewhere by then, and something new stands before.
        let last = first.items.last().unwrap().located.node.id;
        world.rename(ann.id, last, "moved on").await.unwrap();
        let new = world.folder(ann.id, ann.root, "tool 0").await;
        let rest = walk(world, ann.id, Sought { after: first.next, ..two.clone() }).await;
        let rest: Vec<String> = rest.iter().map(|found| found.node.name.to_string()).collect();
        assert_eq!(rest, ["tool 3", "tool 4"], "{text}");
        world.rename(ann.id, last, "tool 2").await.unwrap();
        world.rename(ann.id, new, &format!("elsewhere {}", text.len())).await.unwrap();
    }
    // A place is a key and an identifier, whether or not there is such a node.
    let key = OrderKey::of(&name("tool 2 and a half"));
    let after = Some(SearchPosition::Own { key, id: world.id() });
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
