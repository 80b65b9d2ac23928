use std::sync::Arc;

use mockall::predicate::eq;

use crate::error::Error;
use crate::model::{
    Action, Limit, Located, NodeId, NodeKind, OrderKey, Page, Permission, Role, SearchPosition, SearchText, Step,
    UserId,
};
use crate::port::{Hit, MockSearchRepository, SearchCriteria};
use crate::service::testing::{
    FILE, FOLDER, GUEST, OTHER_FOLDER, OWNER, PARENT, STRANGER, actor, drive_with, file, folder, for_guest,
    for_outsider, for_owner, grant_for, root, trashed,
};
use crate::service::{SearchPage, SearchQuery, SearchService};
use crate::testing::name;

fn query(text: &str) -> SearchQuery {
    SearchQuery {
        text: SearchText::parse(text).unwrap(),
        kind: None,
        within: None,
        after: None,
        limit: Limit::new(2).unwrap(),
    }
}

fn place(text: &str) -> SearchPosition {
    SearchPosition::Own { key: OrderKey::new(&name(text)), id: OTHER_FOLDER }
}

/// A store that finds these nodes, with more after `next`.
fn finding(found: Vec<Located>, next: Option<SearchPosition>) -> MockSearchRepository {
    let mut search = MockSearchRepository::new();
    let hit = |located: Located| Hit { position: place(located.node.name.as_str()), located };
    let found: Vec<Hit> = found.into_iter().map(hit).collect();
    search.expect_search().returning(move |_, _| Ok(Page { items: found.clone(), next: next.clone() }));
    search
}

async fn found(user: UserId, query: SearchQuery, search: MockSearchRepository) -> SearchPage {
    let drive = drive_with([for_owner(folder(FOLDER)), for_guest(folder(FOLDER), Permission::View)]);
    SearchService::new(Arc::new(drive), Arc::new(search)).find(&actor(user), query).await.unwrap()
}

fn ids(page: &SearchPage) -> Vec<NodeId> {
    page.items.iter().map(|(entry, _)| entry.node.id).collect()
}

#[tokio::test]
async fn results_come_with_their_visible_path() {
    let names = |path: &[crate::model::PathStep]| path.iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
    let page = found(OWNER, query("hol"), finding(vec![for_owner(folder(FOLDER))], None)).await;
    let [(entry, path)] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(
        (entry.role, entry.parent, names(path)),
        (Role::Owner, Some(PARENT), vec!["shelf".into(), "holiday".into()])
    );

    let page = found(GUEST, query("hol"), finding(vec![for_guest(folder(FOLDER), Permission::Edit)], None)).await;
    let [(entry, path)] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((entry.role, entry.parent, names(path)), (Role::Edit, None, vec!["holiday".into()]));
}

#[tokio::test]
async fn only_visible_results_are_returned() {
    let next = Some(place("holiday"));
    let hidden = vec![
        for_outsider(folder(FOLDER)),
        trashed(for_owner(folder(FOLDER))),
        trashed(for_guest(folder(FOLDER), Permission::View)),
        for_owner(folder(FOLDER)),
        root(OWNER),
    ];
    for user in [GUEST, STRANGER] {
        let page = found(user, query("hol"), finding(hidden.clone(), next.clone())).await;
        // The page is short, but has a next.
        assert_eq!((ids(&page), page.next), (vec![], next.clone()));
    }
    let mine = found(OWNER, query("hol"), finding(hidden, None)).await;
    assert_eq!(ids(&mine), [FOLDER]);
}

#[tokio::test]
async fn only_matches_are_returned() {
    let both = vec![for_owner(folder(FOLDER)), for_owner(file(FILE))];
    for (text, kind, expected) in [
        ("hol", None, vec![FOLDER]),
        ("BEACH", None, vec![FILE]),
        ("bea", Some(NodeKind::File), vec![FILE]),
        ("bea", Some(NodeKind::Folder), vec![]),
        ("drive", None, vec![]),
    ] {
        let page = found(OWNER, SearchQuery { kind, ..query(text) }, finding(both.clone(), None)).await;
        assert_eq!(ids(&page), expected, "{text} {kind:?}");
    }
}

#[tokio::test]
async fn the_query_is_passed_to_the_store() {
    let folder_found = for_guest(folder(FOLDER), Permission::View);
    let within = grant_for(&folder_found, Action::Read);
    let after = Some(place("a"));
    let asked = SearchQuery { within: Some(FOLDER), after: after.clone(), kind: Some(NodeKind::File), ..query("x") };
    let criteria =
        SearchCriteria { text: asked.text.clone(), kind: asked.kind, within: Some(within), after, limit: asked.limit };
    let mut search = MockSearchRepository::new();
    search
        .expect_search()
        .with(eq(GUEST), eq(criteria))
        .times(1)
        .returning(|_, _| Ok(Page { items: vec![], next: None }));
    assert_eq!(ids(&found(GUEST, asked, search).await), []);
}

#[tokio::test]
async fn a_search_below_a_folder_excludes_itself_and_others() {
    let mut below = for_owner(file(FILE));
    below.lineage.insert(1, Step { id: FOLDER, name: name("holiday"), trashed: false, share: None });
    let store = || finding(vec![for_owner(folder(FOLDER)), for_owner(file(OTHER_FOLDER)), below.clone()], None);
    for (text, expected) in [("hol", vec![]), ("bea", vec![FILE])] {
        let page = found(OWNER, SearchQuery { within: Some(FOLDER), ..query(text) }, store()).await;
        assert_eq!(ids(&page), expected, "{text}");
    }
}

#[tokio::test]
async fn nothing_is_searched_below_an_invisible_folder() {
    let unseen = [
        None,
        Some(for_outsider(folder(FOLDER))),
        Some(trashed(for_owner(folder(FOLDER)))),
        Some(for_owner(file(FOLDER))),
    ];
    for found in unseen {
        let user = found.as_ref().map_or(OWNER, |found| found.viewer.user().unwrap());
        let service = SearchService::new(Arc::new(drive_with(found)), Arc::new(MockSearchRepository::new()));
        let refused = service.find(&actor(user), SearchQuery { within: Some(FOLDER), ..query("hol") }).await;
        assert!(matches!(refused, Err(Error::NotFound)));
    }
}
