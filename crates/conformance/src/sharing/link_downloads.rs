//! Conformance suite for [`LinkDownloads`](clouddrive_domain::port::LinkDownloads).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::net::{IpAddr, Ipv4Addr};

use clouddrive_domain::error::Gone;
use clouddrive_domain::model::{Action, Counted, DOWNLOAD_WINDOW, Link, LinkChange, LinkDownload, Network, Timestamp};
use clouddrive_domain::port::NewLink;
use clouddrive_domain::{Error, Result};
use futures_util::future::{join, join_all};

use crate::Persistence;
use crate::world::{ALL, Member, World, assert_refused, run};

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        downloads_are_counted_up_to_the_limit,
        of_simultaneous_downloads_just_as_many_succeed_as_are_left,
        what_one_network_takes_at_once_of_one_item_is_one_download,
        every_network_and_every_item_counts_for_itself,
        after_the_window_a_download_is_counted_anew,
        without_a_limit_every_download_is_counted,
        no_download_is_counted_at_the_end_or_after_it,
        a_download_is_counted_or_the_link_is_gone,
        a_limit_may_be_raised,
        downloads_are_forgotten_after_their_window,
    );
}

async fn count(world: &World<'_>, download: &LinkDownload, at: Timestamp) -> Result<Counted> {
    world.store.link_downloads.count(&world.command_at(None, at), download).await
}

async fn is_counted(world: &World<'_>, download: &LinkDownload, now: Timestamp) -> bool {
    world.store.link_downloads.is_counted(download, now).await.unwrap()
}

async fn find(world: &World<'_>, link: &Link) -> Link {
    world.store.links.find(link.id, link.created_by).await.unwrap().unwrap()
}

/// A download of the item of `link` by the `nth` network.
fn by(link: &Link, nth: u32) -> LinkDownload {
    let network = Network::of(Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + nth))));
    LinkDownload { link: link.id, node: link.item.id, network }
}

/// A link to a new folder with this download limit.
async fn limited(world: &World<'_>, ann: &Member, most: Option<u64>) -> Link {
    let folder = world.folder(ann.id, ann.root, &format!("{most:?}")).await;
    let new = NewLink { max_downloads: most, ..world.new_link() };
    let item = world.grant(ann.id, folder, Action::Share).await;
    world.store.links.create(&world.command(ann.id), &item, &new).await.unwrap()
}

async fn revoke(world: &World<'_>, ann: &Member, link: &Link) -> Result<()> {
    let item = world.grant(ann.id, link.item.id, Action::Share).await;
    world.store.links.revoke(&world.command(ann.id), &item, link.id).await
}

fn later(at: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis() + millis)
}

async fn downloads_are_counted_up_to_the_limit(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, Some(2)).await;
    let (first, second) = (world.now(), world.now());
    for (downloads, nth, at) in [(1, 1, first), (2, 2, second)] {
        assert!(!is_counted(world, &by(&link, nth), at).await);
        assert_eq!(count(world, &by(&link, nth), at).await.unwrap(), Counted::First);
        assert!(is_counted(world, &by(&link, nth), at).await);
        let expected = Link { downloads, last_download_at: Some(at), ..link.clone() };
        assert_eq!(find(world, &link).await, expected);
    }
    let at = world.now();
    assert_refused!(count(world, &by(&link, 3), at).await, Error::Gone(Gone::LinkExhausted));
    // Networks that were counted may continue.
    for nth in [1, 2] {
        assert_eq!(count(world, &by(&link, nth), at).await.unwrap(), Counted::Again);
    }
    let expected = Link { downloads: 2, last_download_at: Some(second), ..link.clone() };
    assert_eq!(find(world, &link).await, expected);
    let absent = LinkDownload { link: world.id(), ..by(&link, 1) };
    assert!(!is_counted(world, &absent, at).await);
    assert_refused!(count(world, &absent, at).await, Error::NotFound);
}

async fn of_simultaneous_downloads_just_as_many_succeed_as_are_left(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, Some(7)).await;
    let at = world.now();
    // Fifty networks, each with two requests.
    let downloads: Vec<_> = (0..100).map(|nth| by(&link, nth / 2)).collect();
    let outcomes = join_all(downloads.iter().map(|download| count(world, download, at))).await;
    let first = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Counted::First))).count();
    assert_eq!(first, 7);
    let mut served = 0;
    for pair in outcomes.chunks(2) {
        let counted = pair.iter().filter(|outcome| matches!(outcome, Ok(Counted::First))).count();
        let let_in = pair.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(counted == 1 || let_in == 0, "{pair:?}");
        served += counted;
    }
    assert_eq!(served, 7);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Gone(Gone::LinkExhausted));
    }
    assert_eq!(find(world, &link).await.downloads, 7);
}

async fn what_one_network_takes_at_once_of_one_item_is_one_download(world: &World<'_>) {
    let ann = world.member().await;
    for most in [Some(1), Some(5), None] {
        let link = limited(world, &ann, most).await;
        let (at, download) = (world.now(), by(&link, 1));
        let outcomes = join_all((0..20).map(|_| count(world, &download, at))).await;
        let first = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Counted::First))).count();
        assert_eq!((first, outcomes.iter().filter(|outcome| outcome.is_ok()).count()), (1, 20), "{most:?}");
        assert_eq!(find(world, &link).await.downloads, 1);
    }
}

async fn every_network_and_every_item_counts_for_itself(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, None).await;
    let inner = world.file(ann.id, link.item.id, "a", 1).await;
    let other = world.link(ann.id, link.item.id).await;
    let at = world.now();
    for download in [by(&link, 1), by(&link, 2), LinkDownload { node: inner, ..by(&link, 1) }, by(&other, 1)] {
        assert_eq!(count(world, &download, at).await.unwrap(), Counted::First);
        assert_eq!(count(world, &download, at).await.unwrap(), Counted::Again);
    }
    assert_eq!((find(world, &link).await.downloads, find(world, &other).await.downloads), (3, 1));
}

async fn after_the_window_a_download_is_counted_anew(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, Some(2)).await;
    let (at, download) = (world.now(), by(&link, 1));
    let window = i64::try_from(DOWNLOAD_WINDOW.as_millis()).unwrap();
    assert_eq!(count(world, &download, at).await.unwrap(), Counted::First);
    // The window starts with the first download; later ones do not extend it.
    let last = later(at, window - 1);
    assert!(is_counted(world, &download, last).await);
    assert_eq!(count(world, &download, last).await.unwrap(), Counted::Again);
    let over = later(at, window);
    assert!(!is_counted(world, &download, over).await);
    assert_eq!(count(world, &download, over).await.unwrap(), Counted::First);
    assert_eq!(find(world, &link).await.downloads, 2);
    let over = later(over, window);
    assert_refused!(count(world, &download, over).await, Error::Gone(Gone::LinkExhausted));
}

async fn without_a_limit_every_download_is_counted(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, None).await;
    let at = world.now();
    let downloads: Vec<_> = (0..20).map(|nth| by(&link, nth)).collect();
    let outcomes = join_all(downloads.iter().map(|download| count(world, download, at))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(find(world, &link).await.downloads, 20);
}

async fn no_download_is_counted_at_the_end_or_after_it(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let end = later(world.now(), 60_000);
    // For a link that is both expired and exhausted, expiry is reported.
    let new = NewLink { expires_at: Some(end), max_downloads: Some(1), ..world.new_link() };
    let item = world.grant(ann.id, folder, Action::Share).await;
    let link = world.store.links.create(&world.command(ann.id), &item, &new).await.unwrap();
    for late in [end, later(end, 1)] {
        assert_refused!(count(world, &by(&link, 1), late).await, Error::Gone(Gone::LinkExpired));
    }
    count(world, &by(&link, 1), later(end, -1)).await.unwrap();
    // A counted network cannot continue after the expiry either.
    for nth in [1, 2] {
        assert_refused!(count(world, &by(&link, nth), end).await, Error::Gone(Gone::LinkExpired));
    }
    assert_eq!(find(world, &link).await.downloads, 1);
}

async fn a_download_is_counted_or_the_link_is_gone(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    for _ in 0..5 {
        let link = world.link(ann.id, folder).await;
        let (at, download) = (world.now(), by(&link, 1));
        let (revoked, counted) = join(revoke(world, &ann, &link), count(world, &download, at)).await;
        revoked.unwrap();
        assert!(matches!(counted, Ok(Counted::First) | Err(Error::NotFound)), "{counted:?}");
        assert_refused!(count(world, &download, at).await, Error::NotFound);
        assert!(!is_counted(world, &download, at).await);
    }
}

async fn a_limit_may_be_raised(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, Some(1)).await;
    let mut networks = 0..;
    let mut next = || by(&link, networks.next().unwrap());
    count(world, &next(), world.now()).await.unwrap();
    for (most, left) in [(Some(2), 1), (Some(1), 0), (None, 5)] {
        let to = LinkChange { max_downloads: Some(most), ..LinkChange::default() };
        let item = world.grant(ann.id, link.item.id, Action::Share).await;
        world.store.links.change(&world.command(ann.id), &item, link.id, &to).await.unwrap();
        for _ in 0..left {
            count(world, &next(), world.now()).await.unwrap();
        }
        if most.is_some() {
            assert_refused!(count(world, &next(), world.now()).await, Error::Gone(Gone::LinkExhausted));
        }
    }
}

async fn downloads_are_forgotten_after_their_window(world: &World<'_>) {
    let ann = world.member().await;
    let link = limited(world, &ann, None).await;
    let at = world.now();
    while world.store.link_downloads.forget(at, ALL).await.unwrap() > 0 {}
    for nth in 0..3 {
        count(world, &by(&link, nth), at).await.unwrap();
    }
    assert_eq!(world.store.link_downloads.forget(at, ALL).await.unwrap(), 0);
    assert_eq!(world.store.link_downloads.forget(later(at, 1), 2).await.unwrap(), 2);
    assert_eq!(world.store.link_downloads.forget(later(at, 1), 2).await.unwrap(), 1);
    for nth in 0..3 {
        assert!(!is_counted(world, &by(&link, nth), at).await);
    }
    assert_eq!(find(world, &link).await.downloads, 3);
}
