//! Bucket checks for operators: permissions, clock, CORS and lifecycle rules.

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{CorsRule, ExpirationStatus, LifecycleRule, LifecycleRuleFilter};
use bytes::Bytes;
use clouddrive_domain::model::{MAX_UPLOAD_LIFETIME, Timestamp};

use crate::bucket::{PREFIX, WriteMetadata};
use crate::capabilities;
use crate::checksum::digest;
use crate::error::{S3Error, S3ErrorKind};
use crate::store::S3Store;

/// The maximum clock skew in milliseconds: it makes URLs live that much longer or shorter.
const MAX_SKEW: u64 = 60_000;

/// Request headers that browsers send with a PUT.
const PUT_HEADERS: [&str; 3] = ["content-type", "if-none-match", "x-amz-checksum-sha256"];
/// Request headers that browsers send with a GET.
const GET_HEADERS: [&str; 1] = ["range"];

/// Response headers that pages need, beside the ETag.
const EXPOSED: [&str; 3] = ["content-range", "content-disposition", "accept-ranges"];

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// What was checked.
    pub subject: String,
    /// What was found.
    pub status: CheckStatus,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStatus {
    /// As it should be.
    Passed,
    /// It works, but could be better; with what to change.
    Advice(String),
    /// It does not work; with what to change.
    Failed(String),
    /// It cannot be checked here; with the reason.
    Unknown(String),
}

impl CheckResult {
    fn new(subject: impl Into<String>, status: CheckStatus) -> Self {
        Self { subject: subject.into(), status }
    }

    fn from_outcome<T>(subject: &str, outcome: &Result<T, S3Error>) -> Self {
        let status = match outcome {
            Ok(_) => CheckStatus::Passed,
            Err(error) if error.kind() == S3ErrorKind::NotImplemented => CheckStatus::Unknown(error.to_string()),
            Err(error) => CheckStatus::Failed(error.to_string()),
        };
        Self::new(subject, status)
    }
}

impl S3Store {
    /// Tests each permission that the store needs, on objects below `.clouddrive-probe/` that are removed again. Each
    /// finding is named by its IAM action.
    pub async fn check_permissions(&self) -> Vec<CheckResult> {
        let (bucket, object) = (&self.bucket, capabilities::object(&*self.random));
        let bytes = Bytes::from_static(b"right");
        let sha256 = digest(&bytes);
        let mut findings = vec![
            CheckResult::from_outcome("s3:ListBucket", &bucket.check().await),
            CheckResult::from_outcome(
                "s3:PutObject",
                &bucket.put(&object, bytes.clone(), &sha256, &WriteMetadata::marked("right"), false).await,
            ),
            CheckResult::from_outcome("s3:GetObject", &bucket.get(&object, None, None).await),
            CheckResult::from_outcome("s3:DeleteObject", &bucket.delete(&object).await),
        ];
        let begun = bucket.begin(&object, None, None, false).await;
        findings.push(CheckResult::from_outcome("s3:PutObject of parts", &begun));
        findings.push(CheckResult::from_outcome(
            "s3:ListBucketMultipartUploads",
            &bucket.uploads(capabilities::PREFIX, (None, None)).await,
        ));
        if let Ok(id) = begun {
            findings.push(CheckResult::from_outcome("s3:ListMultipartUploadParts", &bucket.parts(&object, &id).await));
            findings.push(CheckResult::from_outcome("s3:AbortMultipartUpload", &bucket.abort(&object, &id).await));
        }
        findings
    }

    /// Compares the store's clock, from the `Date` of a response, with the local clock.
    pub async fn check_clock(&self) -> CheckResult {
        let answer = self.bucket.head(&capabilities::object(&*self.random)).await;
        let Err(error) = answer else {
            return CheckResult::new("clock", CheckStatus::Unknown("the store has an unexpected object".to_owned()));
        };
        let date = error.raw_response().and_then(|response| response.headers().get("date"));
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?.to_millis().ok());
        let status = match date.map(Timestamp::from_millis) {
            Some(theirs) => clock_status(theirs, self.clock.now()),
            None => match S3Error::from_sdk("HeadObject", &error) {
                error if error.kind() == S3ErrorKind::ClockSkew => CheckStatus::Failed(error.to_string()),
                _ => CheckStatus::Unknown("the store's answer has no date".to_owned()),
            },
        };
        CheckResult::new("clock", status)
    }

    /// Checks that pages of these origins may PUT and GET by signed URLs, also with `headers` (in lower case) that they
    /// may send to the API.
    pub async fn check_cors(&self, origins: &[String], headers: &[&str]) -> Vec<CheckResult> {
        let answer = self.bucket.clients.calls.get_bucket_cors().bucket(&self.bucket.name).send().await;
        let rules = match answer.map_err(|error| S3Error::from_sdk("GetBucketCors", &error)) {
            Ok(cors) => Ok(cors.cors_rules.unwrap_or_default()),
            Err(error) if error.is("NoSuchCORSConfiguration") => Ok(Vec::new()),
            Err(error) => Err(unknown(&error)),
        };
        let status = |origin: &String| match &rules {
            Ok(rules) => cors_status(rules, origin, headers),
            Err(unknown) => unknown.clone(),
        };
        origins.iter().map(|origin| CheckResult::new(format!("CORS for {origin}"), status(origin))).collect()
    }

    /// Checks that a lifecycle rule aborts unfinished multipart uploads.
    pub async fn check_lifecycle(&self) -> CheckResult {
        let call = self.bucket.clients.calls.get_bucket_lifecycle_configuration().bucket(&self.bucket.name);
        let status =
            match call.send().await.map_err(|error| S3Error::from_sdk("GetBucketLifecycleConfiguration", &error)) {
                Ok(lifecycle) => lifecycle_status(lifecycle.rules()),
                Err(error) if !error.is("NoSuchLifecycleConfiguration") => unknown(&error),
                Err(_) => lifecycle_status(&[]),
            };
        CheckResult::new("lifecycle of unfinished uploads", status)
    }
}

fn unknown(error: &S3Error) -> CheckStatus {
    CheckStatus::Unknown(format!("cannot be checked: {error}"))
}

fn clock_status(theirs: Timestamp, ours: Timestamp) -> CheckStatus {
    let apart = theirs.as_millis().abs_diff(ours.as_millis());
    if apart <= MAX_SKEW {
        return CheckStatus::Passed;
    }
    let side = if theirs > ours { "behind" } else { "ahead of" };
    CheckStatus::Failed(format!("this machine is {} s {side} the store; set both clocks by NTP", apart / 1000))
}

fn lifecycle_status(rules: &[LifecycleRule]) -> CheckStatus {
    let longest = i32::try_from(MAX_UPLOAD_LIFETIME.as_secs() / 86_400).unwrap_or(i32::MAX);
    match rules.iter().filter_map(clears_uploads_after).min() {
        Some(days) if days > longest => CheckStatus::Passed,
        Some(days) => CheckStatus::Failed(format!(
            "a lifecycle rule ends uploads after {days} days, which may stay open for {longest}; put this one in its \
             place:\n\
             {LIFECYCLE_RULE}"
        )),
        None => {
            CheckStatus::Advice(format!("put this lifecycle rule on the bucket, as a second net:\n{LIFECYCLE_RULE}"))
        }
    }
}

/// The number of days after which the rule aborts unfinished uploads, if it does. For simplicity, only rules for the
/// whole bucket or for a prefix of our keys count.
fn clears_uploads_after(rule: &LifecycleRule) -> Option<i32> {
    let bare = LifecycleRuleFilter::builder().build();
    let prefix = match rule.filter() {
        None => rule_prefix(rule),
        Some(filter) if *filter == bare => Some(""),
        Some(filter) => filter.prefix(),
    };
    let counts = *rule.status() == ExpirationStatus::Enabled && prefix.is_some_and(|prefix| PREFIX.starts_with(prefix));
    let abort = rule.abort_incomplete_multipart_upload().filter(|_| counts)?;
    Some(abort.days_after_initiation().unwrap_or_default())
}

#[expect(deprecated, reason = "old rules have their prefix here")]
fn rule_prefix(rule: &LifecycleRule) -> Option<&str> {
    Some(rule.prefix().unwrap_or_default())
}

const LIFECYCLE_RULE: &str = r#"{"Rules": [{"ID": "unfinished uploads", "Status": "Enabled",
  "Filter": {"Prefix": "blobs/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 32}}]}"#;

/// The CORS rules that let pages of these origins PUT and GET by signed URLs, as JSON for
/// `aws s3api put-bucket-cors --cors-configuration`.
#[must_use]
pub fn cors_rule(origins: &[String]) -> String {
    let quoted: Vec<String> = origins.iter().map(|origin| format!("{origin:?}")).collect();
    format!(
        r#"{{"CORSRules": [{{"AllowedOrigins": [{}],
  "AllowedMethods": ["GET", "PUT"],
  "AllowedHeaders": ["*"],
  "ExposeHeaders": ["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"],
  "MaxAgeSeconds": 3600}}]}}"#,
        quoted.join(", ")
    )
}

fn cors_status(rules: &[CorsRule], origin: &str, headers: &[&str]) -> CheckStatus {
    // A store applies a single rule per origin and method, so one rule has to allow everything.
    let allows = |method: &str, headers: &[&str]| {
        rules.iter().any(|rule| {
            rule.allowed_origins().iter().any(|allowed| covers(allowed, origin))
                && rule.allowed_methods().iter().any(|allowed| allowed == method)
                && headers.iter().all(|header| {
                    rule.allowed_headers().iter().any(|allowed| covers(&allowed.to_ascii_lowercase(), header))
                })
                && rule.expose_headers().iter().any(|exposed| exposed.eq_ignore_ascii_case("etag"))
        })
    };
    let rule = cors_rule(&[origin.to_owned()]);
    if !allows("PUT", &PUT_HEADERS) || !allows("GET", &GET_HEADERS) {
        return CheckStatus::Failed(format!(
            "browsers would refuse to upload or download; put these rules on the bucket:\n{rule}"
        ));
    }
    if !allows("GET", headers) {
        return CheckStatus::Advice(format!(
            "browsers would refuse headers that the API allows; put these rules on the bucket:\n{rule}"
        ));
    }
    let exposes_all = rules.iter().any(|rule| {
        let exposes = |header: &&str| rule.expose_headers().iter().any(|exposed| exposed.eq_ignore_ascii_case(header));
        rule.allowed_origins().iter().any(|allowed| covers(allowed, origin))
            && rule.allowed_methods().iter().any(|allowed| allowed == "GET")
            && EXPOSED.iter().all(exposes)
    });
    if !exposes_all {
        return CheckStatus::Advice(format!(
            "browsers would hide headers of downloads from pages; put these rules on the bucket:\n{rule}"
        ));
    }
    CheckStatus::Passed
}

/// Whether `pattern`, which may contain one `*` wildcard, matches `text`.
fn covers(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::AbortIncompleteMultipartUpload;

    use super::*;

    const ORIGIN: &str = "https://drive.example";
    const ALL: [&str; 4] = ["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"];

    fn rule(origin: &str, methods: &[&str], headers: &[&str], exposed: &[&str]) -> CorsRule {
        let owned = |texts: &[&str]| Some(texts.iter().copied().map(str::to_owned).collect());
        CorsRule::builder()
            .allowed_origins(origin)
            .set_allowed_methods(owned(methods))
            .set_allowed_headers(owned(headers))
            .set_expose_headers(owned(exposed))
            .build()
            .unwrap()
    }

    #[test]
    fn one_rule_has_to_allow_all_that_a_browser_sends() {
        let headers = ["Content-Type", "if-none-match", "X-Amz-Checksum-Sha256", "range"];
        for rules in [
            vec![rule(ORIGIN, &["PUT", "GET"], &headers, &ALL)],
            vec![rule(
                "*",
                &["PUT", "GET"],
                &["*"],
                &["etag", "content-range", "content-disposition", "accept-ranges"],
            )],
            vec![rule("https://*.example", &["PUT"], &headers[..3], &["ETag"]), rule("*", &["GET"], &["*"], &ALL)],
        ] {
            assert_eq!(cors_status(&rules, ORIGIN, &[]), CheckStatus::Passed, "{rules:?}");
        }
        for rules in [
            vec![],
            vec![rule("https://other.example", &["PUT", "GET"], &["*"], &["ETag"])],
            vec![rule("https://*.example.org", &["PUT", "GET"], &["*"], &["ETag"])],
            vec![rule(ORIGIN, &["GET"], &["*"], &["ETag"])],
            vec![rule(ORIGIN, &["PUT", "GET"], &headers[1..], &["ETag"])],
            vec![rule(ORIGIN, &["PUT", "GET"], &["*"], &[])],
            vec![
                rule(ORIGIN, &["PUT", "GET"], &headers[..2], &["ETag"]),
                rule(ORIGIN, &["PUT"], &headers[2..], &["ETag"]),
            ],
        ] {
            let status = cors_status(&rules, ORIGIN, &[]);
            assert!(
                matches!(&status, CheckStatus::Failed(text) if text.contains(r#""https://drive.example""#)),
                "{rules:?}"
            );
        }
    }

    #[test]
    fn a_rule_that_hides_headers_of_downloads_is_advised_against() {
        for missing in 1..ALL.len() {
            let mut exposed = ALL.to_vec();
            let header = exposed.remove(missing);
            let status = cors_status(&[rule(ORIGIN, &["PUT", "GET"], &["*"], &exposed)], ORIGIN, &[]);
            assert!(matches!(&status, CheckStatus::Advice(text) if text.contains(header)), "{header}: {status:?}");
        }
    }

    #[test]
    fn a_lifecycle_rule_counts_if_it_clears_ours() {
        let rule = |filter: Option<LifecycleRuleFilter>, status, aborts: bool| {
            let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
            LifecycleRule::builder()
                .set_filter(filter)
                .status(status)
                .set_abort_incomplete_multipart_upload(aborts.then_some(abort))
                .build()
                .unwrap()
        };
        let prefix = |prefix: &str| Some(LifecycleRuleFilter::builder().prefix(prefix).build());
        for filter in [None, prefix(""), prefix("blobs/"), prefix("b"), Some(LifecycleRuleFilter::builder().build())] {
            assert_eq!(
                clears_uploads_after(&rule(filter.clone(), ExpirationStatus::Enabled, true)),
                Some(7),
                "{filter:?}"
            );
            assert_eq!(clears_uploads_after(&rule(filter.clone(), ExpirationStatus::Disabled, true)), None);
            assert_eq!(clears_uploads_after(&rule(filter, ExpirationStatus::Enabled, false)), None);
        }
        let larger = Some(LifecycleRuleFilter::builder().object_size_greater_than(1).build());
        for filter in [prefix("logs/"), prefix("blobs/00"), larger] {
            assert_eq!(
                clears_uploads_after(&rule(filter.clone(), ExpirationStatus::Enabled, true)),
                None,
                "{filter:?}"
            );
        }
    }

    #[test]
    fn no_rule_may_end_an_upload_that_is_still_open() {
        let rule = |days| {
            let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
            let rule = LifecycleRule::builder().status(ExpirationStatus::Enabled);
            rule.abort_incomplete_multipart_upload(abort).build().unwrap()
        };
        for days in [31, 32] {
            assert_eq!(lifecycle_status(&[rule(days)]), CheckStatus::Passed, "{days}");
        }
        for rules in [vec![rule(7)], vec![rule(30)], vec![rule(32), rule(7)]] {
            assert!(
                matches!(lifecycle_status(&rules), CheckStatus::Failed(text) if text.contains(": 32}")),
                "{rules:?}"
            );
        }
        assert!(matches!(lifecycle_status(&[]), CheckStatus::Advice(text) if text.contains(": 32}")));
    }

    #[test]
    fn bucket_cors_must_allow_what_the_api_allows() {
        let narrow = ["content-type", "if-none-match", "x-amz-checksum-sha256", "range"];
        let status = |headers: &[&str]| {
            let rules = [rule(ORIGIN, &["PUT", "GET"], headers, &ALL)];
            cors_status(&rules, ORIGIN, &["range", "traceparent"])
        };
        assert_eq!(status(&["*"]), CheckStatus::Passed);
        assert!(matches!(status(&narrow), CheckStatus::Advice(text) if text.contains(r#""AllowedHeaders": ["*"]"#)));
    }

    #[test]
    fn clocks_may_be_a_minute_apart() {
        let at = Timestamp::from_millis;
        assert_eq!(clock_status(at(1_000_000), at(1_060_000)), CheckStatus::Passed);
        for (theirs, ours, side) in [(0, 61_000, "ahead of"), (61_000, 0, "behind")] {
            let text = format!("this machine is 61 s {side} the store; set both clocks by NTP");
            assert_eq!(clock_status(at(theirs), at(ours)), CheckStatus::Failed(text));
        }
    }
}
