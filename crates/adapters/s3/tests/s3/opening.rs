//! Feature detection at start-up, and its errors.

use std::sync::Arc;

use clouddrive_domain::Error;
use clouddrive_domain::port::{BlobStore, ContentHeaders, Probe};
use clouddrive_s3::{Capabilities, S3Error, S3ErrorKind, S3Store, Settings, StaticCredentials};

use crate::support::front::Fault;
use crate::support::server::{Local, garage, garage_behind_front};
use crate::support::{MachineClock, MachineRandom, body, exactly, key, open, read};

pub(crate) async fn open_error(settings: Settings) -> S3Error {
    S3Store::open(settings, Arc::new(MachineClock), Arc::new(MachineRandom)).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn capabilities_are_probed() {
    let garage = open(garage()).await.capabilities();
    let all = Capabilities {
        conditional_writes: true,
        checksums: true,
        part_checksums: true,
        closes_parts: true,
        range_headers: true,
        max_parts: 10_000,
    };
    assert_eq!(garage, Capabilities { conditional_writes: false, range_headers: false, ..all });
    assert_eq!(
        garage.to_string(),
        "conditional writes not honoured, checksums honoured, checksums of parts honoured, parts closed by completion, \
         types of ranges not honoured, at most 10000 parts"
    );
    assert!(garage.limitations().is_empty(), "nothing that costs anything");

    let local = Local::start().await;
    let capabilities = open(local.settings.clone()).await.capabilities();
    assert_eq!(capabilities, all);
}

#[tokio::test]
async fn a_store_that_knows_no_conditions_overwrites() {
    let local = Local::start().await;
    local.front.plan("PUT", ".clouddrive-probe/", Fault::Status(501), 1);
    assert!(!open(local.settings.clone()).await.capabilities().conditional_writes);
}

#[tokio::test]
async fn a_trial_leaves_nothing_and_survives_lost_answers() {
    let local = Local::start().await;
    local.front.plan("PUT", ".clouddrive-probe/", Fault::CutAnswer, 1);
    local.front.plan("PUT", ".clouddrive-probe/", Fault::Status(500), 1);
    let store = open(local.settings.clone()).await;
    assert!(store.capabilities().conditional_writes);
    store.check().await.unwrap();
    // Three objects, and an aborted upload.
    assert_eq!(local.front.seen("DELETE", ".clouddrive-probe/"), 4);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_as_the_cause() {
    let error = open_error(Settings { bucket: "nowhere".to_owned(), ..garage() }).await;
    assert_eq!(error.kind(), S3ErrorKind::NoBucket);
    assert_eq!(
        error.to_string(),
        "PutObject (NoSuchBucket, 404): there is no such bucket; make it, or correct its name"
    );
}

#[tokio::test]
async fn credentials_that_are_not_given_are_found_in_the_environment() {
    open(Settings { credentials: None, ..garage() }).await.check().await.unwrap();
}

#[tokio::test]
async fn refused_credentials_are_reported_without_their_values() {
    let local = Local::start().await;
    for (settings, kinds) in [
        (garage(), [S3ErrorKind::AccessDenied, S3ErrorKind::AccessDenied]),
        (local.settings.clone(), [S3ErrorKind::AccessDenied, S3ErrorKind::WrongCredentials]),
    ] {
        let right = settings.credentials.clone().unwrap();
        let wrong_key = StaticCredentials { key_id: "GK000000000000000000000000".to_owned(), ..right.clone() };
        let wrong_secret = StaticCredentials { secret: "another secret".to_owned(), ..right };
        for (credentials, kind) in [wrong_key, wrong_secret].into_iter().zip(kinds) {
            let error = open_error(Settings { credentials: Some(credentials.clone()), ..settings.clone() }).await;
            let said = format!("{error} {error:?}");
            assert!([kind, S3ErrorKind::WrongCredentials].contains(&error.kind()), "{said}");
            assert!(!said.contains(&credentials.key_id) && !said.contains(&credentials.secret), "{said}");
        }
    }
}

#[tokio::test]
async fn an_unreachable_store_is_reported() {
    let local = Local::start().await;
    let settings = local.impatient();
    local.front.plan("PUT", "", Fault::Hang, usize::MAX);
    assert_eq!(open_error(settings.clone()).await.kind(), S3ErrorKind::TimedOut);
    local.front.forget_plan();
    local.front.plan("PUT", "", Fault::Status(503), usize::MAX);
    assert_eq!(open_error(settings.clone()).await.kind(), S3ErrorKind::ServerError);
    local.front.stop();
    assert_eq!(open_error(settings).await.kind(), S3ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_store_must_report_absent_objects() {
    let local = Local::start().await;
    // Without `s3:ListBucket`, AWS reports a missing object as access denied.
    local.front.plan("HEAD", ".clouddrive-probe/", Fault::Status(403), usize::MAX);
    assert_eq!(open_error(local.settings.clone()).await.kind(), S3ErrorKind::AccessDenied);
}

#[tokio::test]
async fn an_unavailable_bucket_is_detected() {
    let local = Local::start().await;
    let store = open(local.settings.clone()).await;
    local.front.plan("HEAD", "", Fault::Status(404), 1);
    let outcome = store.check().await;
    let Err(Error::Unavailable { part: "storage", source }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(source.downcast_ref::<S3Error>().unwrap().kind(), S3ErrorKind::NoBucket);
}

#[tokio::test]
async fn calls_carry_the_configured_headers() {
    // A real server checks the signature, which does not cover the header.
    let (front, settings) = garage_behind_front().await;
    let headers = || vec![("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned())];
    let store = open(Settings { headers, ..settings }).await;
    let key = key();
    let before = front.headers("traceparent").len();
    store.put(&key, body(b"hello"), exactly(5), &ContentHeaders::unknown()).await.unwrap();
    assert!(front.headers("traceparent").len() > before);
    let expected = headers().remove(0).1;
    assert!(front.headers("traceparent").iter().all(|value| *value == expected));
    assert_eq!(read(&store, &key, 5).await.unwrap(), b"hello");
}
