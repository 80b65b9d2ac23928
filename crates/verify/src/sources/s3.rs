use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsError;
use aws_sdk_s3::primitives::{ByteStream as Body, DateTime};
use aws_sdk_s3::types::MultipartUpload;
use futures_util::{StreamExt, stream};

use crate::ports::{ByteStream, CheckError, IncompleteUpload, IncompleteUploadStream, Object, ObjectStream, Objects};

/// The key prefix of blobs.
const PREFIX: &str = "blobs/";

/// The blobs in a bucket, listed in pages of a thousand.
pub struct S3 {
    client: Client,
    bucket: String,
    name: String,
}

impl S3 {
    /// Creates a reader of `bucket`, which blob rows call `name`.
    #[must_use]
    pub fn new(client: Client, bucket: String, name: &str) -> Self {
        Self { client, bucket, name: name.to_owned() }
    }
}

/// The blob key of the object `name`.
fn key(name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
}

/// `time` in milliseconds since 1970 in UTC.
fn millis(time: Option<&DateTime>) -> i64 {
    time.and_then(|time| time.to_millis().ok()).unwrap_or_default()
}

/// A page of the listing: its objects, and the token of the next page, if any.
async fn page(
    client: &Client,
    bucket: &str,
    token: Option<String>,
) -> Result<(Vec<Object>, Option<String>), CheckError> {
    let call = client.list_objects_v2().bucket(bucket).prefix(PREFIX).set_continuation_token(token);
    let page = call.send().await.map_err(|error| CheckError::storage(&error))?;
    let objects = page.contents().iter().map(|object| Object {
        key: key(object.key()),
        size: object.size().and_then(|size| size.try_into().ok()).unwrap_or_default(),
        modified_at: millis(object.last_modified()),
        broken: None,
    });
    let next = page.next_continuation_token().filter(|_| page.is_truncated() == Some(true));
    Ok((objects.collect(), next.map(str::to_owned)))
}

/// Where a listing continues: after a key, and the identifier of one of its uploads.
type Marker = (Option<String>, Option<String>);

/// A page of incomplete uploads, and the marker of the next page, if any.
async fn incomplete_page(
    client: &Client,
    bucket: &str,
    (after, id): Marker,
) -> Result<(Vec<IncompleteUpload>, Option<Marker>), CheckError> {
    let call =
        client.list_multipart_uploads().bucket(bucket).prefix(PREFIX).set_key_marker(after).set_upload_id_marker(id);
    let page = match call.send().await {
        Ok(page) => page,
        // The store does not list incomplete uploads; a lifecycle rule has to clean them up.
        Err(error) if is_unimplemented(&error) => return Ok((Vec::new(), None)),
        Err(error) => return Err(CheckError::storage(&error)),
    };
    let incomplete =
        |upload: &MultipartUpload| IncompleteUpload { key: key(upload.key()), begun_at: millis(upload.initiated()) };
    let incomplete_uploads = page.uploads().iter().map(incomplete);
    let next = (page.next_key_marker().map(str::to_owned), page.next_upload_id_marker().map(str::to_owned));
    let next = Some(next).filter(|_| page.is_truncated() == Some(true));
    Ok((incomplete_uploads.collect(), next))
}

/// Whether the store does not support the call.
fn is_unimplemented(error: &SdkError<ListMultipartUploadsError, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    matches!(status, Some(405 | 501)) || error.code() == Some("NotImplemented")
}

/// Whether the object does not exist, which stores report in different ways.
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    matches!(status, Some(404 | 410)) && error.code() != Some("NoSuchBucket")
}

/// Streams the items of all pages; each page returns the marker of the next, if any.
fn paged<T, M, F>(first: M, page: impl Fn(M) -> F + Send + 'static) -> stream::BoxStream<'static, Result<T, CheckError>>
where
    T: Send + 'static,
    M: Send + 'static,
    F: Future<Output = Result<(Vec<T>, Option<M>), CheckError>> + Send + 'static,
{
    let pages = stream::unfold(Some(first), move |place| {
        let asked = place.map(&page);
        async move {
            Some(match asked?.await {
                Ok((items, next)) => (items.into_iter().map(Ok).collect(), next),
                Err(error) => (vec![Err(error)], None),
            })
        }
    });
    pages.flat_map(|page: Vec<Result<T, CheckError>>| stream::iter(page)).boxed()
}

#[async_trait]
impl Objects for S3 {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> ObjectStream {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        paged(None, move |token| {
            let (client, bucket) = (client.clone(), bucket.clone());
            async move { page(&client, &bucket, token).await.map(|(objects, next)| (objects, next.map(Some))) }
        })
    }

    fn incomplete_uploads(&self) -> IncompleteUploadStream {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        paged((None, None), move |marker| {
            let (client, bucket) = (client.clone(), bucket.clone());
            async move { incomplete_page(&client, &bucket, marker).await }
        })
    }

    async fn find(&self, key: &str) -> Result<Option<Object>, CheckError> {
        let call = self.client.head_object().bucket(&self.bucket).key(format!("{PREFIX}{key}"));
        match call.send().await {
            Ok(head) => Ok(Some(Object {
                key: key.to_owned(),
                size: head.content_length().and_then(|size| size.try_into().ok()).unwrap_or_default(),
                modified_at: millis(head.last_modified()),
                broken: None,
            })),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(CheckError::storage(&error)),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<ByteStream>, CheckError> {
        let call = self.client.get_object().bucket(&self.bucket).key(format!("{PREFIX}{key}"));
        match call.send().await {
            Ok(answer) => Ok(Some(pieces(answer.body))),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(CheckError::storage(&error)),
        }
    }
}

fn pieces(body: Body) -> ByteStream {
    let next = async |mut body: Body| {
        let piece = body.next().await?;
        Some((piece.map_err(|error| CheckError::storage(&error)), body))
    };
    stream::unfold(body, next).boxed()
}
