//! Conformance suite for [`SearchRepository`](clouddrive_domain::port::SearchRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod pages;
mod sharing;
mod texts;

use std::collections::BTreeSet;

use clouddrive_domain::model::{Limit, Located, NodeId, Page, SearchPosition, SearchText, UserId};
use clouddrive_domain::port::{Hit, SearchCriteria};

use crate::case::persistence_suite;
use crate::fixture::TestUser;

persistence_suite! {
    $ search uses
        BlobRecordRepository, NodeRepository, SearchRepository, ShareRepository, UploadRepository, UserRepository;

    texts of "`SearchRepository::search`: A page of the files and folders that match `criteria`, as seen by `viewer`" {
        a_node_is_found_as_its_viewer_finds_it,
        a_text_is_found_anywhere_in_a_name_without_regard_to_case,
        names_of_every_script_are_found,
        accents_width_and_compatibility_forms_do_not_matter,
        search_text_has_no_wildcards,
        one_or_two_characters_are_found_anywhere,
        files_and_folders_are_found_by_their_kind,
        a_new_name_is_found_at_once_and_the_old_one_no_more,
    }

    texts of "`SearchRepository::search`: Roots and nodes in or below the trash are excluded." {
        roots_are_never_found,
    }

    sharing of "`SearchRepository::search`: then those shared with the viewer, directly or through a folder" {
        shared_items_are_found_and_their_siblings_are_not,
        formerly_shared_items_are_not_found,
        a_strangers_name_never_shows,
        below_a_folder_only_what_lies_below_it_is_found,
        a_shared_tree_of_any_shape_is_searched_completely,
        items_shared_twice_are_found_once,
        a_search_continues_after_a_folder_is_moved_away,
    }

    pages of "`SearchRepository::search`: first those in the viewer's own drive, by name" {
        results_are_sorted_by_name_own_items_before_shared_ones,
        pages_of_any_size_make_the_same_list,
    }

    pages of "`SearchRepository::search`: the number of pages and their duration MUST NOT depend on nodes of other drives" {
        invisible_items_add_no_pages,
    }

    pages of "`SearchRepository::search`: It ends early at the" {
        a_page_ends_when_it_has_too_many_bytes,
        a_page_continues_after_the_last_one_despite_deletions,
    }
}

fn criteria(text: &str) -> SearchCriteria {
    let text = SearchText::parse(text).unwrap();
    SearchCriteria { text, kind: None, within: None, after: None, limit: Limit::new(100).unwrap() }
}

async fn page(fixture: &Fixture<'_>, viewer: UserId, criteria: &SearchCriteria) -> Page<Hit, SearchPosition> {
    let page = fixture.store.search().search(viewer, criteria).await.unwrap();
    assert!(page.items.len() <= criteria.limit.get());
    page
}

/// The hits of all pages, in order.
async fn walk(fixture: &Fixture<'_>, viewer: UserId, mut criteria: SearchCriteria) -> Vec<Located> {
    let mut found = Vec::new();
    loop {
        let page = page(fixture, viewer, &criteria).await;
        found.extend(page.items.into_iter().map(|hit| hit.located));
        if page.next.is_none() {
            return found;
        }
        assert_ne!(page.next, criteria.after, "a walk that does not end");
        criteria.after = page.next;
    }
}

async fn names(fixture: &Fixture<'_>, viewer: UserId, text: &str) -> Vec<String> {
    walk(fixture, viewer, criteria(text)).await.iter().map(|found| found.node.name.to_string()).collect()
}

async fn ids(fixture: &Fixture<'_>, viewer: UserId, criteria: SearchCriteria) -> BTreeSet<NodeId> {
    let found = walk(fixture, viewer, criteria).await;
    let ids: BTreeSet<NodeId> = found.iter().map(|found| found.node.id).collect();
    assert_eq!(ids.len(), found.len(), "something was found twice");
    ids
}

async fn folders(fixture: &Fixture<'_>, of: &TestUser, texts: &[&str]) {
    for text in texts {
        fixture.folder(of.id, of.root, text).await;
    }
}
