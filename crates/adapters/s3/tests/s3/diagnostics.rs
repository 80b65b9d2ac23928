//! Tests of the bucket checks for operators.

use std::sync::Arc;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use aws_sdk_s3::{Client, Config};
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Clock;
use clouddrive_s3::{CheckResult, CheckStatus, S3Store, Settings, cors_rule};

use crate::support::front::Fault;
use crate::support::server::{Local, garage};
use crate::support::{MachineClock, MachineRandom, open};

fn status<'a>(findings: &'a [CheckResult], subject: &str) -> &'a CheckStatus {
    &findings.iter().find(|finding| finding.subject == subject).unwrap().status
}

#[tokio::test]
async fn all_permissions_are_found() {
    let findings = open(garage()).await.check_permissions().await;
    assert_eq!(findings.len(), 8);
    assert!(findings.iter().all(|finding| finding.status == CheckStatus::Passed), "{findings:?}");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let local = Local::start().await;
    let store = open(local.settings.clone()).await;
    local.front.plan("DELETE", ".clouddrive-probe/", Fault::Status(403), usize::MAX);
    let findings = store.check_permissions().await;
    for right in ["s3:DeleteObject", "s3:AbortMultipartUpload"] {
        assert!(matches!(status(&findings, right), CheckStatus::Failed(text) if text.contains("access is denied")));
    }
    assert!(matches!(status(&findings, "s3:ListBucketMultipartUploads"), CheckStatus::Unknown(_)), "{findings:?}");
    assert_eq!(*status(&findings, "s3:PutObject"), CheckStatus::Passed);
}

/// A clock that is an hour slow.
struct Late;

impl Clock for Late {
    fn now(&self) -> Timestamp {
        MachineClock.now().minus(std::time::Duration::from_secs(3600))
    }
}

#[tokio::test]
async fn clocks_are_held_against_each_other() {
    assert_eq!(open(garage()).await.check_clock().await.status, CheckStatus::Passed);
    let late = S3Store::open(garage(), Arc::new(Late), Arc::new(MachineRandom)).await.unwrap();
    let finding = late.check_clock().await;
    assert!(matches!(&finding.status, CheckStatus::Failed(text) if text.contains("behind")), "{finding:?}");
}

/// A client of the bucket's owner, who may change its rules.
fn owner(settings: &Settings) -> Client {
    let credentials = settings.credentials.clone().unwrap();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(Credentials::new(credentials.key_id, credentials.secret, None, None, "test"))
        .force_path_style(true)
        .endpoint_url(settings.endpoint.clone().unwrap());
    Client::from_conf(config.build())
}

#[tokio::test]
async fn the_rules_for_browsers_are_read() {
    let settings = garage();
    let store = open(settings.clone()).await;
    let owner = owner(&settings);
    let origins = ["https://drive.example".to_owned(), "http://localhost:3000".to_owned()];
    let rule = CorsRule::builder()
        .allowed_origins(&origins[0])
        .set_allowed_methods(Some(vec!["GET".to_owned(), "PUT".to_owned()]))
        .allowed_headers("*")
        .set_expose_headers(Some(
            ["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"].map(str::to_owned).to_vec(),
        ))
        .build()
        .unwrap();
    let rules = CorsConfiguration::builder().cors_rules(rule).build().unwrap();
    owner.put_bucket_cors().bucket(&settings.bucket).cors_configuration(rules).send().await.unwrap();
    let findings = store.check_cors(&origins, &["range"]).await;
    assert_eq!(findings[0].status, CheckStatus::Passed);
    assert!(matches!(&findings[1].status, CheckStatus::Failed(text) if text.contains(&cors_rule(&origins[1..]))));

    owner.delete_bucket_cors().bucket(&settings.bucket).send().await.unwrap();
    let findings = store.check_cors(&origins, &["range"]).await;
    assert!(findings.iter().all(|finding| matches!(finding.status, CheckStatus::Failed(_))), "{findings:?}");
}

#[tokio::test]
async fn unsupported_calls_cannot_be_checked() {
    let local = Local::start().await;
    let store = open(local.settings.clone()).await;
    let cors = store.check_cors(&["https://drive.example".to_owned()], &[]).await;
    assert!(matches!(cors[0].status, CheckStatus::Unknown(_)), "{cors:?}");
    let lifecycle = store.check_lifecycle().await;
    assert!(matches!(lifecycle.status, CheckStatus::Unknown(_)), "{lifecycle:?}");
}

#[tokio::test]
async fn a_rule_against_unfinished_uploads_is_advised() {
    let finding = open(garage()).await.check_lifecycle().await;
    assert!(
        matches!(&finding.status, CheckStatus::Advice(text) if text.contains("DaysAfterInitiation")),
        "{finding:?}"
    );
}
