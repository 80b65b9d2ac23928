//! Which names a search text matches.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{NodeKind, Permission};
use clouddrive_domain::port::SearchCriteria;

use super::Fixture;
use super::{criteria, folders, ids, names, walk};

pub(super) async fn a_node_is_found_as_its_viewer_finds_it(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "above").await;
    let b = fixture.folder(ann.id, a, "below").await;
    let file = fixture.file(ann.id, b, "plan of it.txt", 5).await;
    fixture.share(ann.id, b, bob.id, Permission::Edit).await;
    for viewer in [ann.id, bob.id] {
        assert_eq!(walk(fixture, viewer, criteria("PLAN")).await, [fixture.located(file, viewer).await]);
    }
}

pub(super) async fn a_text_is_found_anywhere_in_a_name_without_regard_to_case(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    folders(fixture, &ann, &["Annual Report 2025.pdf", "report", "reporting", "re port", "prt", "x"]).await;
    for text in ["report", "REPORT", "eport", "Repor"] {
        assert_eq!(names(fixture, ann.id, text).await, ["Annual Report 2025.pdf", "report", "reporting"], "{text}");
    }
    assert_eq!(names(fixture, ann.id, "report 2025.pdf").await, ["Annual Report 2025.pdf"]);
    assert_eq!(names(fixture, ann.id, "l r").await, ["Annual Report 2025.pdf"]);
    assert_eq!(names(fixture, ann.id, "5.p").await, ["Annual Report 2025.pdf"]);
    for text in ["reports", "trope", "report 2025.pdff", "rrr"] {
        assert_eq!(names(fixture, ann.id, text).await, Vec::<String>::new(), "{text}");
    }
}

pub(super) async fn names_of_every_script_are_found(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
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
        let user = fixture.user().await;
        folders(fixture, &user, &[text, "another"]).await;
        assert_eq!(names(fixture, user.id, has).await, [text], "{has}");
        assert_eq!(names(fixture, ann.id, has).await, Vec::<String>::new(), "{has}");
    }
    let bob = fixture.user().await;
    folders(fixture, &bob, &["ßig", "Über", "über uns", "日本語", "🎉"]).await;
    for (text, expected) in [
        ("S", vec!["ßig", "über uns"]),
        ("ẞ", vec!["ßig"]),
        ("Ü", vec!["Über", "über uns"]),
        ("日本", vec!["日本語"]),
        ("本", vec!["日本語"]),
        ("本語", vec!["日本語"]),
        ("🎉", vec!["🎉"]),
    ] {
        assert_eq!(names(fixture, bob.id, text).await, expected, "{text}");
    }
}

pub(super) async fn search_text_has_no_wildcards(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let all = ["50% off", "50x off", "a_b", "axb", "a*b", "say \"abc\" now", "abc", "it's abc"];
    folders(fixture, &ann, &all).await;
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
        assert_eq!(names(fixture, ann.id, text).await, expected, "{text}");
    }
}

pub(super) async fn one_or_two_characters_are_found_anywhere(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    folders(fixture, &ann, &["a", "A", "ab", "abc", "ba", "Abz", "ac", "a\u{10ffff}", "b"]).await;
    let all = ["a", "A", "ab", "abc", "Abz", "ac", "a\u{10ffff}", "ba"];
    assert_eq!(names(fixture, ann.id, "A").await, all);
    assert_eq!(names(fixture, ann.id, "aB").await, ["ab", "abc", "Abz"]);
    assert_eq!(names(fixture, ann.id, "bc").await, ["abc"]);
    assert_eq!(names(fixture, ann.id, "b").await, ["ab", "abc", "Abz", "b", "ba"]);
    assert_eq!(names(fixture, ann.id, "\u{10ffff}").await, ["a\u{10ffff}"]);
}

pub(super) async fn accents_width_and_compatibility_forms_do_not_matter(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let all = ["Crème brûlée", "ＦＵＬＬ　ｗｉｄｔｈ", "ﬁnal №5", "Łódź", "カタカナ", "がっこう", "한국어"];
    folders(fixture, &ann, &all).await;
    for (text, expected) in [
        ("creme", vec!["Crème brûlée"]),
        ("BRULÉE", vec!["Crème brûlée"]),
        ("full w", vec!["ＦＵＬＬ　ｗｉｄｔｈ"]),
        ("ｉｎ", vec!["ﬁnal №5"]),
        ("final no5", vec!["ﬁnal №5"]),
        ("lodz", vec!["Łódź"]),
        ("ﾀｶ", vec!["カタカナ"]),
        // A letter of its own, not an accented one.
        ("か", vec![]),
        ("が", vec!["がっこう"]),
        ("국", vec!["한국어"]),
        ("하", vec![]),
    ] {
        assert_eq!(names(fixture, ann.id, text).await, expected, "{text}");
    }
}

pub(super) async fn files_and_folders_are_found_by_their_kind(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "one of them").await;
    let file = fixture.file(ann.id, ann.root, "two of them", 1).await;
    for (text, kind, expected) in [
        ("of them", None, vec![folder, file]),
        ("of them", Some(NodeKind::Folder), vec![folder]),
        ("of them", Some(NodeKind::File), vec![file]),
        ("tw", Some(NodeKind::File), vec![file]),
        ("tw", Some(NodeKind::Folder), vec![]),
    ] {
        let found = ids(fixture, ann.id, SearchCriteria { kind, ..criteria(text) }).await;
        assert_eq!(found, expected.into_iter().collect(), "{text} {kind:?}");
    }
}

pub(super) async fn a_new_name_is_found_at_once_and_the_old_one_no_more(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "former name").await;
    let file = fixture.file(ann.id, folder, "content", 1).await;
    fixture.rename(ann.id, folder, "present name").await.unwrap();
    assert_eq!(names(fixture, ann.id, "former").await, Vec::<String>::new());
    assert_eq!(names(fixture, ann.id, "present").await, ["present name"]);
    // A change of case is a rename, and a new content keeps the file's name.
    fixture.rename(ann.id, folder, "PRESENT name").await.unwrap();
    fixture.replace(ann.id, folder, "content", 2).await;
    assert_eq!(names(fixture, ann.id, "present").await, ["PRESENT name"]);
    assert_eq!(ids(fixture, ann.id, criteria("content")).await, BTreeSet::from([file]));
    let refused = fixture.rename(ann.id, file, "PRESENT name").await;
    assert!(refused.is_ok(), "names are taken in one folder only");
    assert_eq!(names(fixture, ann.id, "content").await, Vec::<String>::new());
}

pub(super) async fn roots_are_never_found(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for text in ["drive", "dr", "d"] {
        assert_eq!(names(fixture, ann.id, text).await, Vec::<String>::new(), "{text}");
    }
    folders(fixture, &ann, &["drive"]).await;
    assert_eq!(names(fixture, ann.id, "drive").await, ["drive"]);
}
