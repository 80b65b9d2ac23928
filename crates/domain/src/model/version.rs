//! Versions: the current and former contents of files.

use std::collections::HashSet;
use std::time::Duration;

use super::{Content, Revision, Timestamp, UserId, UserRef, VersionId};

/// A version of a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The content.
    pub content: Content,
    /// The file revision that it created. Newer versions have greater revisions, regardless of clocks.
    pub revision: Revision,
    /// The user who created it.
    pub created_by: UserRef,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is the current version.
    pub is_current: bool,
}

/// Versions by one user that follow each other within this time form a burst: an hour.
const BURST: Duration = Duration::from_hours(1);

/// The data of a version that decides whether it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptVersion {
    /// The version.
    pub id: VersionId,
    /// The user who created it.
    pub by: UserId,
    /// When it was created.
    pub at: Timestamp,
}

/// Selects which of the `former` versions of a file, oldest first, are removed when `newest` becomes the current one
/// and at most `max` versions, including it, are kept.
///
/// Versions are removed in this order: the middles of bursts, which keep their first and last version, oldest first;
/// then versions that were current for the shortest time, in whole minutes, older first; then the one that `newest`
/// replaces; and, only as a last resort, the last version of each other user. So frequent writes do not remove what
/// another user had before.
#[must_use]
pub fn excess_versions(former: &[KeptVersion], newest: KeptVersion, max: u32) -> Vec<VersionId> {
    let room = usize::try_from(max.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut left = former.to_vec();
    let mut gone = Vec::new();
    while left.len() > room {
        let Some(place) = first_to_go(&left, newest) else { break };
        gone.push(left.remove(place).id);
    }
    gone
}

fn first_to_go(left: &[KeptVersion], newest: KeptVersion) -> Option<usize> {
    let mut others: HashSet<UserId> = HashSet::from([newest.by]);
    let mut candidates = Vec::with_capacity(left.len());
    for (place, version) in left.iter().enumerate().rev() {
        let next = left.get(place + 1).copied().unwrap_or(newest);
        let before = place.checked_sub(1).and_then(|place| left.get(place));
        let is_burst = |a: &KeptVersion, b: &KeptVersion| a.by == b.by && b.at < a.at.plus(BURST);
        let is_others_last = others.insert(version.by);
        let minutes = next.at.as_seconds().saturating_sub(version.at.as_seconds()).max(0) / 60;
        let rank = if is_others_last {
            (3, minutes)
        } else if place + 1 == left.len() {
            (2, 0)
        } else if before.is_some_and(|before| is_burst(before, version)) && is_burst(version, &next) {
            (0, 0)
        } else {
            (1, minutes)
        };
        candidates.push((rank, place));
    }
    candidates.into_iter().min().map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn version(id: u128, by: u128, at: i64) -> KeptVersion {
        KeptVersion {
            id: VersionId::from_uuid(Uuid::from_u128(id)),
            by: UserId::from_uuid(Uuid::from_u128(by)),
            at: Timestamp::from_millis(at),
        }
    }

    /// The versions that remain after these are added one by one, as (user, time).
    fn left(brought: &[(u128, i64)], max: u32) -> Vec<(u128, i64)> {
        let mut kept: Vec<KeptVersion> = Vec::new();
        for (id, (by, at)) in (0..).zip(brought) {
            let newest = version(id, *by, *at);
            let gone = excess_versions(&kept, newest, max);
            kept.retain(|version| !gone.contains(&version.id));
            kept.push(newest);
        }
        kept.iter().map(|version| (version.by.as_uuid().as_u128(), version.at.as_millis())).collect()
    }

    #[test]
    fn the_middles_of_a_burst_go_first_and_the_oldest_of_them() {
        let burst: Vec<(u128, i64)> = (0..6).map(|minute| (1, minute * MINUTE)).collect();
        assert_eq!(left(&burst, 6), burst);
        assert_eq!(left(&burst, 4), [burst[0], burst[3], burst[4], burst[5]]);
        // The previous version is kept if there is room for it.
        assert_eq!(left(&burst, 2), [burst[4], burst[5]]);
        assert_eq!(left(&burst, 1), [burst[5]]);
    }

    #[test]
    fn frequent_replaces_keep_the_earlier_version() {
        let mut brought = vec![(1, 0), (1, DAY), (1, DAY + 5 * MINUTE)];
        brought.extend((0..50).map(|minute| (2, 2 * DAY + minute * MINUTE)));
        let kept = left(&brought, 20);
        assert_eq!(kept.len(), 20);
        assert!(kept.starts_with(&brought[..3]), "{kept:?}");
        // Slow replacements keep its last version.
        let slow: Vec<(u128, i64)> =
            [(1, 0), (1, MINUTE)].into_iter().chain((1..40).map(|day| (2, day * DAY))).collect();
        assert!(left(&slow, 20).contains(&(1, MINUTE)));
        // Quick replacements also keep one's own earlier versions.
        let own: Vec<(u128, i64)> =
            [(1, 0)].into_iter().chain((0..40).map(|minute| (1, DAY + minute * MINUTE))).collect();
        assert_eq!(left(&own, 5)[0], (1, 0));
    }

    #[test]
    fn versions_at_even_intervals_are_removed_oldest_first() {
        let daily: Vec<(u128, i64)> = (0..9).map(|day| (1, day * DAY)).collect();
        assert_eq!(left(&daily, 4), daily[5..]);
    }

    proptest! {
        #[test]
        fn the_maximum_is_kept_with_the_last_version_of_each_user(
            gaps in prop::collection::vec((0_u128..4, -MINUTE..DAY), 1..60), max in 1_u32..12,
        ) {
            let mut at = 0;
            let brought: Vec<(u128, i64)> = gaps.into_iter().map(|(by, gap)| { at += gap; (by, at) }).collect();
            let kept = left(&brought, max);
            prop_assert_eq!(kept.len(), brought.len().min(max as usize));
            prop_assert_eq!(kept.last(), brought.last());
            let people: HashSet<u128> = brought.iter().map(|(by, _)| *by).collect();
            if people.len() <= max as usize {
                for person in people {
                    let last = brought.iter().rev().find(|(by, _)| *by == person);
                    prop_assert!(kept.iter().any(|kept| Some(kept) == last), "{person}: {kept:?}");
                }
            }
        }

        #[test]
        fn an_editor_never_removes_the_last_content_of_another(
            own in prop::collection::vec(0_i64..DAY, 1..10), burst in prop::collection::vec(0_i64..DAY, 1..80), max in 2_u32..30,
        ) {
            let mut at = 0;
            let mut brought = Vec::new();
            for (by, gap) in own.iter().map(|gap| (1, gap)).chain(burst.iter().map(|gap| (2, gap))) {
                at += gap;
                brought.push((by, at));
            }
            let last = brought[own.len() - 1];
            prop_assert!(left(&brought, max).contains(&last));
        }
    }
}
