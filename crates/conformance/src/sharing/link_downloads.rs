//! Conformance suite for [`LinkDownloadRepository`](clouddrive_domain::port::LinkDownloadRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::net::{IpAddr, Ipv4Addr};

use clouddrive_domain::error::Gone;
use clouddrive_domain::model::{
    Action, ClientSubnet, CountOutcome, DOWNLOAD_WINDOW, Link, LinkChange, LinkDownload, Timestamp,
};
use clouddrive_domain::port::NewLink;
use clouddrive_domain::{Error, Result};
use futures_util::future::{join, join_all};

use crate::case::persistence_suite;
use crate::fixture::{ALL, TestUser, assert_refused};

persistence_suite! {
    $ link_downloads uses
        BlobRecordRepository, NodeRepository, LinkDownloadRepository, LinkRepository, UploadRepository, UserRepository;

    self of "`LinkDownloadRepository::count`: the limit of the link MUST NOT be exceeded" {
        downloads_are_counted_up_to_the_limit,
        simultaneous_downloads_do_not_exceed_the_limit,
        without_a_limit_every_download_is_counted,
        a_limit_may_be_raised,
    }

    self of "`LinkDownloadRepository::count`: each successful download is counted exactly once" {
        concurrent_requests_of_one_network_are_one_download,
        every_network_and_every_item_counts_for_itself,
    }

    self of "`LinkDownloadRepository::count`: unless it was counted within the window before" {
        after_the_window_a_download_is_counted_anew,
    }

    self of "`LinkDownloadRepository::count`: `LinkExpired`, `LinkExhausted`" {
        no_download_is_counted_at_the_end_or_after_it,
    }

    self of "`LinkDownloadRepository::count`: if the link no longer exists" {
        a_download_is_counted_or_the_link_is_gone,
    }

    self of "`LinkDownloadRepository::prune`: Deletes up to `max` records of downloads counted before `before`" {
        downloads_are_pruned_after_their_window,
    }
}

async fn count(fixture: &Fixture<'_>, download: &LinkDownload, at: Timestamp) -> Result<CountOutcome> {
    fixture.store.link_downloads().count(&fixture.command_at(None, at), download).await
}

async fn is_counted(fixture: &Fixture<'_>, download: &LinkDownload, now: Timestamp) -> bool {
    fixture.store.link_downloads().is_counted(download, now).await.unwrap()
}

async fn find(fixture: &Fixture<'_>, link: &Link) -> Link {
    fixture.store.links().find(link.id, link.created_by).await.unwrap().unwrap()
}

/// A download of the item of `link` by the `nth` network.
fn by(link: &Link, nth: u32) -> LinkDownload {
    let subnet = ClientSubnet::from_address(Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + nth))));
    LinkDownload { link: link.id, node: link.item.id, subnet }
}

/// A link to a new folder with this download limit.
async fn limited(fixture: &Fixture<'_>, ann: &TestUser, max: Option<u64>) -> Link {
    let folder = fixture.folder(ann.id, ann.root, &format!("{max:?}")).await;
    let new = NewLink { max_downloads: max, ..fixture.new_link() };
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    fixture.store.links().create(&fixture.command(ann.id), &item, &new).await.unwrap()
}

async fn revoke(fixture: &Fixture<'_>, ann: &TestUser, link: &Link) -> Result<()> {
    let item = fixture.grant(ann.id, link.item.id, Action::Share).await;
    fixture.store.links().revoke(&fixture.command(ann.id), &item, link.id).await
}

fn later(at: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis() + millis)
}

async fn downloads_are_counted_up_to_the_limit(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, Some(2)).await;
    let (first, second) = (fixture.now(), fixture.now());
    for (downloads, nth, at) in [(1, 1, first), (2, 2, second)] {
        assert!(!is_counted(fixture, &by(&link, nth), at).await);
        assert_eq!(count(fixture, &by(&link, nth), at).await.unwrap(), CountOutcome::New);
        assert!(is_counted(fixture, &by(&link, nth), at).await);
        let expected = Link { downloads, last_download_at: Some(at), ..link.clone() };
        assert_eq!(find(fixture, &link).await, expected);
    }
    let at = fixture.now();
    assert_refused!(count(fixture, &by(&link, 3), at).await, Error::Gone(Gone::LinkExhausted));
    // Networks that were counted may continue.
    for nth in [1, 2] {
        assert_eq!(count(fixture, &by(&link, nth), at).await.unwrap(), CountOutcome::Continued);
    }
    let expected = Link { downloads: 2, last_download_at: Some(second), ..link.clone() };
    assert_eq!(find(fixture, &link).await, expected);
    let absent = LinkDownload { link: fixture.id(), ..by(&link, 1) };
    assert!(!is_counted(fixture, &absent, at).await);
    assert_refused!(count(fixture, &absent, at).await, Error::NotFound);
}

async fn simultaneous_downloads_do_not_exceed_the_limit(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, Some(7)).await;
    let at = fixture.now();
    // Fifty networks, each with two requests.
    let downloads: Vec<_> = (0..100).map(|nth| by(&link, nth / 2)).collect();
    let outcomes = join_all(downloads.iter().map(|download| count(fixture, download, at))).await;
    let first = outcomes.iter().filter(|outcome| matches!(outcome, Ok(CountOutcome::New))).count();
    assert_eq!(first, 7);
    let mut served = 0;
    for pair in outcomes.chunks(2) {
        let counted = pair.iter().filter(|outcome| matches!(outcome, Ok(CountOutcome::New))).count();
        let let_in = pair.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(counted == 1 || let_in == 0, "{pair:?}");
        served += counted;
    }
    assert_eq!(served, 7);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Gone(Gone::LinkExhausted));
    }
    assert_eq!(find(fixture, &link).await.downloads, 7);
}

async fn concurrent_requests_of_one_network_are_one_download(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for max in [Some(1), Some(5), None] {
        let link = limited(fixture, &ann, max).await;
        let (at, download) = (fixture.now(), by(&link, 1));
        let outcomes = join_all((0..20).map(|_| count(fixture, &download, at))).await;
        let first = outcomes.iter().filter(|outcome| matches!(outcome, Ok(CountOutcome::New))).count();
        assert_eq!((first, outcomes.iter().filter(|outcome| outcome.is_ok()).count()), (1, 20), "{max:?}");
        assert_eq!(find(fixture, &link).await.downloads, 1);
    }
}

async fn every_network_and_every_item_counts_for_itself(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, None).await;
    let inner = fixture.file(ann.id, link.item.id, "a", 1).await;
    let other = fixture.link(ann.id, link.item.id).await;
    let at = fixture.now();
    for download in [by(&link, 1), by(&link, 2), LinkDownload { node: inner, ..by(&link, 1) }, by(&other, 1)] {
        assert_eq!(count(fixture, &download, at).await.unwrap(), CountOutcome::New);
        assert_eq!(count(fixture, &download, at).await.unwrap(), CountOutcome::Continued);
    }
    assert_eq!((find(fixture, &link).await.downloads, find(fixture, &other).await.downloads), (3, 1));
}

async fn after_the_window_a_download_is_counted_anew(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, Some(2)).await;
    let (at, download) = (fixture.now(), by(&link, 1));
    let window = i64::try_from(DOWNLOAD_WINDOW.as_millis()).unwrap();
    assert_eq!(count(fixture, &download, at).await.unwrap(), CountOutcome::New);
    // The window starts with the first download; later ones do not extend it.
    let last = later(at, window - 1);
    assert!(is_counted(fixture, &download, last).await);
    assert_eq!(count(fixture, &download, last).await.unwrap(), CountOutcome::Continued);
    let over = later(at, window);
    assert!(!is_counted(fixture, &download, over).await);
    assert_eq!(count(fixture, &download, over).await.unwrap(), CountOutcome::New);
    assert_eq!(find(fixture, &link).await.downloads, 2);
    let over = later(over, window);
    assert_refused!(count(fixture, &download, over).await, Error::Gone(Gone::LinkExhausted));
}

async fn without_a_limit_every_download_is_counted(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, None).await;
    let at = fixture.now();
    let downloads: Vec<_> = (0..20).map(|nth| by(&link, nth)).collect();
    let outcomes = join_all(downloads.iter().map(|download| count(fixture, download, at))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(find(fixture, &link).await.downloads, 20);
}

async fn no_download_is_counted_at_the_end_or_after_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let end = later(fixture.now(), 60_000);
    // For a link that is both expired and exhausted, expiry is reported.
    let new = NewLink { expires_at: Some(end), max_downloads: Some(1), ..fixture.new_link() };
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let link = fixture.store.links().create(&fixture.command(ann.id), &item, &new).await.unwrap();
    for late in [end, later(end, 1)] {
        assert_refused!(count(fixture, &by(&link, 1), late).await, Error::Gone(Gone::LinkExpired));
    }
    count(fixture, &by(&link, 1), later(end, -1)).await.unwrap();
    // A counted network cannot continue after the expiry either.
    for nth in [1, 2] {
        assert_refused!(count(fixture, &by(&link, nth), end).await, Error::Gone(Gone::LinkExpired));
    }
    assert_eq!(find(fixture, &link).await.downloads, 1);
}

async fn a_download_is_counted_or_the_link_is_gone(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    for _ in 0..5 {
        let link = fixture.link(ann.id, folder).await;
        let (at, download) = (fixture.now(), by(&link, 1));
        let (revoked, counted) = join(revoke(fixture, &ann, &link), count(fixture, &download, at)).await;
        revoked.unwrap();
        assert!(matches!(counted, Ok(CountOutcome::New) | Err(Error::NotFound)), "{counted:?}");
        assert_refused!(count(fixture, &download, at).await, Error::NotFound);
        assert!(!is_counted(fixture, &download, at).await);
    }
}

async fn a_limit_may_be_raised(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, Some(1)).await;
    let mut networks = 0..;
    let mut next = || by(&link, networks.next().unwrap());
    count(fixture, &next(), fixture.now()).await.unwrap();
    for (max, left) in [(Some(2), 1), (Some(1), 0), (None, 5)] {
        let to = LinkChange { max_downloads: Some(max), ..LinkChange::default() };
        let item = fixture.grant(ann.id, link.item.id, Action::Share).await;
        fixture.store.links().change(&fixture.command(ann.id), &item, link.id, &to).await.unwrap();
        for _ in 0..left {
            count(fixture, &next(), fixture.now()).await.unwrap();
        }
        if max.is_some() {
            assert_refused!(count(fixture, &next(), fixture.now()).await, Error::Gone(Gone::LinkExhausted));
        }
    }
}

async fn downloads_are_pruned_after_their_window(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let link = limited(fixture, &ann, None).await;
    let at = fixture.now();
    while fixture.store.link_downloads().prune(at, ALL).await.unwrap() > 0 {}
    for nth in 0..3 {
        count(fixture, &by(&link, nth), at).await.unwrap();
    }
    assert_eq!(fixture.store.link_downloads().prune(at, ALL).await.unwrap(), 0);
    assert_eq!(fixture.store.link_downloads().prune(later(at, 1), 2).await.unwrap(), 2);
    assert_eq!(fixture.store.link_downloads().prune(later(at, 1), 2).await.unwrap(), 1);
    for nth in 0..3 {
        assert!(!is_counted(fixture, &by(&link, nth), at).await);
    }
    assert_eq!(find(fixture, &link).await.downloads, 3);
}
