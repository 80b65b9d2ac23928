//! Conformance suite for [`ThrottleRepository`](clouddrive_domain::port::ThrottleRepository).

#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{Bucket, BucketKind, ClientSubnet, LoginIdentifier, LoginSubject, Timestamp};
use clouddrive_domain::{Error, Result};
use futures_util::future::join_all;

use crate::case::persistence_suite;
use crate::fixture::ALL;

persistence_suite! {
    $ throttle uses ThrottleRepository;

    self of "`ThrottleRepository::take`: for the first of the given buckets that is empty, with the time until it is not" {
        a_full_bucket_gives_its_burst_and_then_says_when_to_come_again,
        concurrent_attempts_never_exceed_the_tightest_of_several_limits,
    }

    self of "`RateLimit`: `burst` attempts at once, then one per `interval`" {
        a_bucket_fills_up_one_by_one_and_never_over_its_rim,
    }

    self of "`ThrottleRepository`: An unknown bucket is full." {
        buckets_do_not_know_of_each_other,
    }

    self of "`ThrottleRepository::take`: Takes one attempt from each of `buckets`, or from none" {
        all_of_several_buckets_are_taken_from_or_none,
    }

    self of "`ThrottleRepository::give_back`: Returns one attempt to each of `buckets`" {
        returned_attempts_may_be_taken_again,
    }

    self of "`ThrottleRepository::take`: exact under any concurrency" {
        concurrent_attempts_never_exceed_the_burst,
    }

    self of "`ThrottleRepository::take`: A clock that lags behind the latest time that a bucket has seen" {
        clocks_that_differ_a_little_cost_no_attempts,
    }

    self of "`ThrottleRepository::prune_full`: Deletes up to `max` buckets that are full at `now`" {
        only_full_buckets_are_pruned_in_batches,
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// A bucket with a burst of ten and one attempt per thirty seconds.
fn bucket(fixture: &Fixture<'_>) -> Bucket {
    let bucket = Bucket::CurrentPassword(fixture.id());
    assert_eq!((bucket.kind().rate_limit().burst, bucket.kind().rate_limit().interval), (10, Duration::from_secs(30)));
    bucket
}

async fn take(fixture: &Fixture<'_>, bucket: &Bucket, now: Timestamp) -> Result<()> {
    fixture.store.throttle().take(std::slice::from_ref(bucket), now).await
}

async fn empty(fixture: &Fixture<'_>, bucket: &Bucket, now: Timestamp) {
    for _ in 0..bucket.kind().rate_limit().burst {
        take(fixture, bucket, now).await.unwrap();
    }
}

/// The bucket kind, limit and retry delay of a refusal; panics on any other outcome.
#[track_caller]
fn refusal(outcome: Result<()>) -> (BucketKind, u32, Duration) {
    match outcome {
        Err(Error::RateLimited { bucket, limit, retry_after }) => (bucket, limit, retry_after),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn a_full_bucket_gives_its_burst_and_then_says_when_to_come_again(fixture: &Fixture<'_>) {
    let (bucket, now) = (bucket(fixture), fixture.now());
    empty(fixture, &bucket, now).await;
    let seconds = Duration::from_secs;
    for (later, wait) in [(0, 30), (10, 20), (29, 1)] {
        let refused = refusal(take(fixture, &bucket, now.plus(seconds(later))).await);
        assert_eq!(refused, (BucketKind::CurrentPassword, 10, seconds(wait)));
    }
    let almost = now.plus(seconds(30)).minus(MILLISECOND);
    assert_eq!(refusal(take(fixture, &bucket, almost).await).2, MILLISECOND);
    take(fixture, &bucket, now.plus(seconds(30))).await.unwrap();
    assert_eq!(refusal(take(fixture, &bucket, now.plus(seconds(30))).await).2, seconds(30));
}

async fn a_bucket_fills_up_one_by_one_and_never_over_its_rim(fixture: &Fixture<'_>) {
    let (bucket, mut now) = (bucket(fixture), fixture.now());
    empty(fixture, &bucket, now).await;
    for (waited, there) in [(30, 1), (60, 2), (95, 3), (25, 1), (100_000, 10)] {
        now = now.plus(Duration::from_secs(waited));
        for _ in 0..there {
            take(fixture, &bucket, now).await.unwrap();
        }
        refusal(take(fixture, &bucket, now).await);
    }
}

async fn buckets_do_not_know_of_each_other(fixture: &Fixture<'_>) {
    let (one, other, now) = (bucket(fixture), bucket(fixture), fixture.now());
    empty(fixture, &one, now).await;
    empty(fixture, &other, now).await;
    let Bucket::CurrentPassword(user) = one else { panic!("{one:?}") };
    take(fixture, &Bucket::ShareLookup(user), now).await.unwrap();
    refusal(take(fixture, &one, now).await);
}

async fn all_of_several_buckets_are_taken_from_or_none(fixture: &Fixture<'_>) {
    let (wide, tight, now) = (Bucket::ShareLookup(fixture.id()), bucket(fixture), fixture.now());
    empty(fixture, &tight, now).await;
    for _ in 0..200 {
        let both = [wide.clone(), tight.clone()];
        assert_eq!(refusal(fixture.store.throttle().take(&both, now).await).0, BucketKind::CurrentPassword);
    }
    empty(fixture, &wide, now).await;
    // Of two empty buckets the first is reported.
    for (both, first) in [
        ([wide.clone(), tight.clone()], BucketKind::ShareLookup),
        ([tight.clone(), wide.clone()], BucketKind::CurrentPassword),
    ] {
        assert_eq!(refusal(fixture.store.throttle().take(&both, now).await).0, first);
    }
}

async fn returned_attempts_may_be_taken_again(fixture: &Fixture<'_>) {
    let (bucket, now) = (bucket(fixture), fixture.now());
    for _ in 0..30 {
        take(fixture, &bucket, now).await.unwrap();
        fixture.store.throttle().give_back(std::slice::from_ref(&bucket)).await.unwrap();
    }
    empty(fixture, &bucket, now).await;
    refusal(take(fixture, &bucket, now).await);
    fixture.store.throttle().give_back(std::slice::from_ref(&bucket)).await.unwrap();
    take(fixture, &bucket, now).await.unwrap();
    refusal(take(fixture, &bucket, now).await);
}

async fn concurrent_attempts_never_exceed_the_burst(fixture: &Fixture<'_>) {
    for _ in 0..5 {
        let (bucket, now) = (bucket(fixture), fixture.now());
        let outcomes = join_all((0..30).map(|_| take(fixture, &bucket, now))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(outcome), (BucketKind::CurrentPassword, 10, Duration::from_secs(30)));
        }
    }
}

async fn clocks_that_differ_a_little_cost_no_attempts(fixture: &Fixture<'_>) {
    let (bucket, now) = (bucket(fixture), fixture.now());
    for late in 0..10 {
        take(fixture, &bucket, now.minus(Duration::from_millis(late * 500))).await.unwrap();
    }
    // Skew does not add attempts either, and a clock that is far behind has to wait.
    refusal(take(fixture, &bucket, now).await);
    assert_eq!(refusal(take(fixture, &bucket, now.minus(Duration::from_secs(1))).await).2, Duration::from_secs(31));
    fixture.store.throttle().give_back(std::slice::from_ref(&bucket)).await.unwrap();
    refusal(take(fixture, &bucket, now.minus(Duration::from_secs(6))).await);
    take(fixture, &bucket, now.minus(Duration::from_secs(5))).await.unwrap();
}

async fn concurrent_attempts_never_exceed_the_tightest_of_several_limits(fixture: &Fixture<'_>) {
    let now = fixture.now();
    let number = fixture.id::<clouddrive_domain::model::UserId>().to_string();
    let account = LoginSubject::Unknown(LoginIdentifier::parse(&number));
    let subnet = |last: u8| ClientSubnet::from_address(Some([203, 0, 113, last].into()));
    // Each from its own address, with the buckets in either order: only the account's limit applies.
    let takes = (0..130_u8).map(|last| {
        let mut both =
            [Bucket::LoginFromAddress(account.clone(), subnet(last)), Bucket::LoginOfAccount(account.clone())];
        if last % 2 == 0 {
            both.reverse();
        }
        async move { fixture.store.throttle().take(&both, now).await }
    });
    let outcomes = join_all(takes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 100);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(outcome).0, BucketKind::LoginOfAccount);
    }
}

async fn only_full_buckets_are_pruned_in_batches(fixture: &Fixture<'_>) {
    fixture.store.throttle().prune_full(fixture.now(), ALL).await.unwrap();
    let now = fixture.now();
    let buckets = [bucket(fixture), bucket(fixture), bucket(fixture)];
    for bucket in &buckets {
        take(fixture, bucket, now).await.unwrap();
    }
    empty(fixture, &Bucket::EmailChange(fixture.id()), now).await;
    let prune = async |at, max| fixture.store.throttle().prune_full(at, max).await.unwrap();
    let full = now.plus(Duration::from_secs(30));
    assert_eq!(prune(full.minus(MILLISECOND), ALL).await, 0);
    for count in [2, 1, 0] {
        assert_eq!(prune(full, 2).await, count);
    }
    for bucket in &buckets {
        empty(fixture, bucket, full).await;
        refusal(take(fixture, bucket, full).await);
    }
}
