//! S3 buckets for tests.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use aws_sdk_s3::{Client, Config, Error};

use super::stack::production;
use super::{background, unique_name};

/// The prefix of the server's blobs.
const PREFIX: &str = "blobs/";

/// A bucket, removed with its contents when dropped.
pub struct Bucket {
    name: String,
}

fn client() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        let stores = production();
        let credentials = Credentials::new(&stores.key_id, &stores.key_secret, None, None, "tests");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(stores.region.clone()))
            .credentials_provider(credentials)
            .endpoint_url(&stores.s3_endpoint)
            .force_path_style(true);
        Client::from_conf(config.build())
    });
    CLIENT.clone()
}

impl Bucket {
    pub fn new() -> Self {
        let name = unique_name("clouddrive-test-");
        let bucket = name.clone();
        background::wait(async move { drop(client().create_bucket().bucket(bucket).send().await.unwrap()) });
        Self { name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Allows cross-origin requests from `origin`, by the rule in docs/deployment.md.
    pub fn let_in(&self, origin: &str) {
        self.let_in_exposing(origin, &["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"]);
    }

    /// The same, but pages see only these headers of responses.
    pub fn let_in_exposing(&self, origin: &str, headers: &[&str]) {
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let rule = CorsRule::builder()
            .allowed_origins(origin)
            .set_allowed_methods(texts(&["GET", "PUT"]))
            .set_allowed_headers(texts(&["*"]))
            .set_expose_headers(texts(headers))
            .max_age_seconds(3600);
        let rules = CorsConfiguration::builder().cors_rules(rule.build().unwrap()).build().unwrap();
        let call = client().put_bucket_cors().bucket(&self.name).cors_configuration(rules);
        background::wait(async move { drop(call.send().await.unwrap()) });
    }

    /// Copies all objects of `other`, skipping any deleted meanwhile.
    pub fn copy_from(&self, other: &Self) {
        let (from, into) = (other.name.clone(), self.name.clone());
        background::wait(async move {
            for name in objects(&from).await.unwrap() {
                let copy = client().copy_object().copy_source(format!("{from}/{name}")).bucket(&into).key(name);
                match copy.send().await {
                    Err(error) if error.code() != Some("NoSuchKey") => panic!("{error:?}"),
                    _ => {}
                }
            }
        });
    }

    /// The keys of the stored blobs, without the objects that block the URLs of discarded uploads.
    pub fn blobs(&self) -> BTreeSet<String> {
        let bucket = self.name.clone();
        let objects = background::wait(async move {
            let mut blobs = objects(&bucket).await.unwrap();
            for name in blobs.clone() {
                let head = client().head_object().bucket(&bucket).key(&name).send().await;
                let mark = head.ok().and_then(|head| head.metadata()?.get("write").cloned());
                blobs.retain(|blob| *blob != name || mark.as_deref() != Some("discarded"));
            }
            blobs
        });
        objects.iter().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned).collect()
    }

    /// Overwrites a blob's object.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let call = client().put_object().bucket(&self.name).key(format!("{PREFIX}{key}")).body(bytes.to_vec().into());
        background::wait(async move { drop(call.send().await.unwrap()) });
    }

    /// Deletes a blob's object.
    pub fn remove(&self, key: &str) {
        let call = client().delete_object().bucket(&self.name).key(format!("{PREFIX}{key}"));
        background::wait(async move { drop(call.send().await.unwrap()) });
    }

    /// The keys of blobs with an unfinished multipart upload.
    pub fn unfinished(&self) -> BTreeSet<String> {
        let bucket = self.name.clone();
        let uploads = background::wait(async move { uploads(&bucket).await.unwrap() });
        uploads.iter().filter_map(|(name, _)| name.strip_prefix(PREFIX)).map(str::to_owned).collect()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let bucket = self.name.clone();
        // Best effort: leftovers go when the store is removed.
        background::wait(async move {
            for (name, id) in uploads(&bucket).await.unwrap_or_default() {
                let _ = client().abort_multipart_upload().bucket(&bucket).key(name).upload_id(id).send().await;
            }
            for name in objects(&bucket).await.unwrap_or_default() {
                let _ = client().delete_object().bucket(&bucket).key(name).send().await;
            }
            let _ = client().delete_bucket().bucket(&bucket).send().await;
        });
    }
}

async fn objects(bucket: &str) -> Result<Vec<String>, Error> {
    let mut pages = client().list_objects_v2().bucket(bucket).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page?.contents().iter().filter_map(|object| object.key.clone()));
    }
    Ok(names)
}

async fn uploads(bucket: &str) -> Result<Vec<(String, String)>, Error> {
    let page = client().list_multipart_uploads().bucket(bucket).send().await?;
    assert_ne!(page.is_truncated, Some(true), "no test begins so many");
    Ok(page.uploads().iter().filter_map(|upload| Some((upload.key.clone()?, upload.upload_id.clone()?))).collect())
}
