//! Conformance suite for [`SignedUrlVerifier`]. The signer of its URLs works locally: its futures MUST be ready on the
//! first poll.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::fmt::Debug;

use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{
    EntityTag, Expected, Length, MIN_PART_BYTES, MultipartUpload, Part, PartPlan, Sha256, Timestamp,
};
use clouddrive_domain::port::{
    ContentHeaders, ContentInfo, GetTarget, PutTarget, SignedRequest, SignedUrl, SignedUrlVerifier,
};
use clouddrive_domain::{Error, Result};
use futures_util::FutureExt;

use crate::case::suite;
use crate::samples::content_headers;
use crate::storage::signed_urls::Subject;

suite! {
    $ url_verifiers(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) (subject, verifier)

    self of "`SignedUrlVerifier::verify_put`: Verifies a PUT and returns its target and what its bytes must be." {
        a_signed_put_is_admitted,
        permission_for_a_part_is_none_for_another,
    }

    self of "`SignedUrlVerifier::verify_get`: Verifies a GET and returns its target, with the viewer whose access must be checked, if any." {
        a_signed_get_is_admitted,
        a_watch_url_is_admitted_with_its_viewer,
    }

    self of "`SignedUrlVerifier::verify_put`: `UrlExpired` for an expired URL that it did sign" {
        urls_end_at_their_very_time,
    }

    self of "`SignedUrlVerifier::verify_put`: `Signature` for anything that this server did not sign exactly so" {
        permission_for_one_method_is_none_for_the_other,
        permission_for_one_key_is_none_for_another,
        no_byte_can_be_changed_added_or_left_out,
        no_parameter_can_be_added_doubled_left_out_or_moved,
        values_cannot_be_spelt_otherwise,
        parts_of_two_urls_make_none,
        unsigned_requests_are_refused,
    }
}

/// An admitted PUT has the signed key, length and, if it was known, digest.
async fn a_signed_put_is_admitted(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    for length in [0, 1, u64::MAX] {
        for sha256 in [None, Some(Sha256::from_bytes([0; 32])), Some(Sha256::from_bytes([0xA7; 32]))] {
            let key = subject.key();
            let signed = subject.put_of(&key, length, sha256, subject.expires_at);
            let admitted = verifier.verify_put(request(&signed), just_before(signed.expires_at)).unwrap();
            assert_eq!(admitted, (PutTarget::Blob(key), Expected { length: Length::Exactly(length), sha256 }));
        }
    }
}

/// An admitted PUT of a part has the signed multipart upload and part; each part and the whole have distinct URLs.
async fn permission_for_a_part_is_none_for_another(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let key = subject.key();
    let plan = PartPlan::single(10);
    let whole = MultipartUpload {
        key: key.clone(),
        multipart_id: subject.direct.begin(&key, plan, &ContentHeaders::unknown()).await.unwrap(),
    };
    let plan = PartPlan::restore(10 * MIN_PART_BYTES, Some(MIN_PART_BYTES)).unwrap();
    let multipart = MultipartUpload {
        key: key.clone(),
        multipart_id: subject.direct.begin(&key, plan, &ContentHeaders::unknown()).await.unwrap(),
    };
    assert!(multipart.multipart_id.is_some(), "several parts and no multipart identifier");
    let mut urls = Vec::new();
    for number in [1, 2, 10] {
        let part = Part { number, size: 10 };
        let signed = subject
            .direct
            .presign_put(&multipart, part, None, &ContentHeaders::unknown(), subject.expires_at)
            .await
            .unwrap();
        let admitted = verifier.verify_put(request(&signed), just_before(signed.expires_at)).unwrap();
        let target = PutTarget::Part { multipart: multipart.clone(), number };
        assert_eq!(admitted, (target, Expected { length: Length::Exactly(10), sha256: None }));
        urls.push(signed);
    }
    urls.push(
        subject
            .direct
            .presign_put(&whole, Part { number: 1, size: 10 }, None, &ContentHeaders::unknown(), subject.expires_at)
            .await
            .unwrap(),
    );
    for one in &urls {
        for two in urls.iter().filter(|two| two.url != one.url) {
            let tail = request(two).query.rsplit_once('&').unwrap().1;
            let head = request(one).query.rsplit_once('&').unwrap().0;
            refuses(subject, verifier, key.as_str(), &format!("{head}&{tail}"));
        }
    }
    let distinct: std::collections::BTreeSet<&str> = urls.iter().map(|signed| signed.url.as_str()).collect();
    assert_eq!(distinct.len(), urls.len());
}

/// An admitted GET has exactly the signed key and presentation.
async fn a_signed_get_is_admitted(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    for media_type in ["text/plain", "text/plain; charset=utf-8", "a/b; c=\"d&e=f%41+g\"", "image/svg+xml"] {
        let longest = "é".repeat(127);
        for name in
            [None, Some("a.txt"), Some("a b+c%20&name=x&expires=9#?=;.txt"), Some("日本語 🎈.txt"), Some(&longest)]
        {
            let (key, content_headers) = (subject.key(), content_headers(media_type, name));
            let signed = subject.get_as(&key, &content_headers);
            let admitted = verifier.verify_get(request(&signed), just_before(signed.expires_at)).unwrap();
            assert_eq!(admitted, GetTarget { key, content_headers, watch: None });
        }
    }
}

/// An admitted GET has the signed content info and [`Watch`](clouddrive_domain::port::Watch).
async fn a_watch_url_is_admitted_with_its_viewer(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let info = ContentInfo {
        size: Some(10),
        tag: EntityTag::parse("d41d8&size=11-2").unwrap(),
        modified_at: Timestamp::from_millis(1_700_000_000_123),
        client_modified_at: Some(Timestamp::from_millis(-1)),
    };
    for content in [
        info.clone(),
        ContentInfo { size: None, client_modified_at: None, ..info.clone() },
        ContentInfo { size: Some(u64::MAX), ..info },
    ] {
        let content_headers = ContentHeaders { content: Some(content), ..content_headers("text/plain", Some("a.txt")) };
        let (key, watch) = (subject.key(), subject.watch());
        let signed = subject.presigner.presign_watch(&key, &content_headers, watch, subject.expires_at).now_or_never();
        let signed = signed.unwrap().unwrap();
        let admitted = verifier.verify_get(request(&signed), just_before(signed.expires_at)).unwrap();
        assert_eq!(
            admitted,
            GetTarget { key: key.clone(), content_headers: content_headers.clone(), watch: Some(watch) }
        );
        // The watch cannot be stripped: the plain URL for the same bytes has another signature.
        let plain = subject.get_as(&key, &content_headers);
        assert_ne!(plain.url.rsplit_once("&signature=").unwrap().1, signed.url.rsplit_once("&signature=").unwrap().1);
        let (_, signature) = signed.url.rsplit_once('=').unwrap();
        let (query, _) = plain.url.split_once('?').unwrap().1.rsplit_once('=').unwrap();
        refused(verifier.verify_get(
            SignedRequest { key: key.as_str(), query: &format!("{query}={signature}") },
            just_before(signed.expires_at),
        ));
    }
}

/// `UrlExpired` for a signed URL from its expiry on, however long ago that was.
async fn urls_end_at_their_very_time(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let (put, get) = (subject.put(&subject.key()), subject.get(&subject.key()));
    for (signed, late) in [(&put, 0), (&get, 0), (&put, 1), (&get, 1), (&put, 1 << 40), (&get, 1 << 40)] {
        let now = Timestamp::from_millis(signed.expires_at.as_millis() + late);
        let outcome = if signed == &put {
            verifier.verify_put(request(signed), now).map(drop)
        } else {
            verifier.verify_get(request(signed), now).map(drop)
        };
        assert!(matches!(outcome, Err(Error::Forbidden(Forbidden::UrlExpired))), "{late} ms late: {outcome:?}");
    }
}

/// A URL for GET admits no PUT, and vice versa.
async fn permission_for_one_method_is_none_for_the_other(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let key = subject.key();
    let (put, get) = (subject.put(&key), subject.get(&key));
    for now in [just_before(subject.expires_at), subject.expires_at] {
        refused(verifier.verify_get(request(&put), now));
        refused(verifier.verify_put(request(&get), now));
    }
}

/// `Signature` for a path with another key or none.
async fn permission_for_one_key_is_none_for_another(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let (key, other) = (subject.key(), subject.key());
    let (upper, cut) = (key.as_str().to_uppercase(), key.as_str().split_at(31).0);
    for signed in [subject.put(&key), subject.get(&key)] {
        for key in [other.as_str(), "", "..", &upper, cut] {
            if key != request(&signed).key {
                refuses(subject, verifier, key, request(&signed).query);
            }
        }
    }
}

/// `Signature` for every query that differs from the signed one by a byte.
async fn no_byte_can_be_changed_added_or_left_out(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    each_query(subject, |key, query| {
        for (at, char) in query.char_indices() {
            let (before, after) = (query.split_at(at).0, query.split_at(at + char.len_utf8()).1);
            for other in ['A', '0', '=', '&', '%', '+', '\0', 'é'] {
                if other != char {
                    refuses(subject, verifier, key, &format!("{before}{other}{after}"));
                }
            }
            for added in ['A', '0', '&', 'é'] {
                refuses(subject, verifier, key, &format!("{before}{added}{char}{after}"));
            }
            refuses(subject, verifier, key, &format!("{before}{after}"));
            refuses(subject, verifier, key, before);
        }
    });
}

/// `Signature` if a parameter is unknown, missing, duplicated or out of order.
async fn no_parameter_can_be_added_doubled_left_out_or_moved(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    each_query(subject, |key, query| {
        let parameters: Vec<&str> = query.split('&').collect();
        for (at, parameter) in parameters.iter().enumerate() {
            for to in 0..=parameters.len() {
                for added in [*parameter, "x", "x=y", "expires=9999999999999", "signature=", ""] {
                    let mut more = parameters.clone();
                    more.insert(to, added);
                    refuses(subject, verifier, key, &more.join("&"));
                }
            }
            let mut fewer = parameters.clone();
            fewer.remove(at);
            refuses(subject, verifier, key, &fewer.join("&"));
            for to in (0..parameters.len()).filter(|to| *to != at) {
                let mut moved = parameters.clone();
                moved.swap(at, to);
                refuses(subject, verifier, key, &moved.join("&"));
            }
        }
    });
}

/// `Signature` for other encodings of the same values.
async fn values_cannot_be_spelt_otherwise(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    each_query(subject, |key, query| {
        for (at, char) in query.char_indices().filter(|(_, char)| *char != '&' && *char != '%') {
            let (before, after) = (query.split_at(at).0, query.split_at(at + 1).1);
            refuses(subject, verifier, key, &format!("{before}%{:02X}{after}", u32::from(char)));
        }
        for (from, to) in
            [("=", "=0"), ("=", "=+"), ("=", "= "), ("&", ";"), ("%20", "+"), ("%2F", "%2f"), ("%2F", "/")]
        {
            if query.contains(from) {
                refuses(subject, verifier, key, &query.replacen(from, to, 1));
            }
        }
        for query in [format!("{query}="), format!("{query}&"), format!("?{query}"), format!("{query}#")] {
            refuses(subject, verifier, key, &query);
        }
    });
}

/// `Signature` for the parameters of one URL with the signature of another.
async fn parts_of_two_urls_make_none(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let key = subject.key();
    let later = Timestamp::from_millis(subject.expires_at.as_millis() + 60_000);
    let sign = |length, until| subject.put_of(&key, length, None, until);
    let urls = [subject.put(&key), subject.get(&key), sign(10, subject.expires_at), sign(10, later), sign(11, later)];
    for one in &urls {
        for two in urls.iter().filter(|two| *two != one) {
            let tail = request(two).query.rsplit_once('&').unwrap().1;
            let head = request(one).query.rsplit_once('&').unwrap().0;
            refuses(subject, verifier, key.as_str(), &format!("{head}&{tail}"));
        }
    }
}

/// `Signature` for queries that no signer made.
async fn unsigned_requests_are_refused(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier) {
    let long = "A".repeat(100_000);
    for query in ["", "&", "=", "signature=", "signature", "%", "%FF", "é", "\0", &long, &format!("signature={long}")]
    {
        for key in [subject.key().as_str(), "", "é", &long] {
            refuses(subject, verifier, key, query);
        }
    }
}

/// Runs `check` on the key and query of a URL of each kind.
fn each_query(subject: &Subject<'_>, check: impl Fn(&str, &str)) {
    let key = subject.key();
    let bare = subject.get_as(&key, &content_headers("image/jpeg", None));
    for signed in [subject.put(&key), subject.get(&key), bare] {
        check(request(&signed).key, request(&signed).query);
    }
}

/// Asserts that both methods fail with `Signature`, even if the URL has also expired.
fn refuses(subject: &Subject<'_>, verifier: &dyn SignedUrlVerifier, key: &str, query: &str) {
    for now in [just_before(subject.expires_at), Timestamp::from_millis(i64::MAX)] {
        refused(verifier.verify_put(SignedRequest { key, query }, now));
        refused(verifier.verify_get(SignedRequest { key, query }, now));
    }
}

fn refused<T: Debug>(outcome: Result<T>) {
    assert!(matches!(outcome, Err(Error::Forbidden(Forbidden::Signature))), "{outcome:?}");
}

/// The request by the URL's holder.
fn request(signed: &SignedUrl) -> SignedRequest<'_> {
    let (path, query) = signed.url.split_once('?').unwrap();
    let (_, key) = path.rsplit_once('/').unwrap();
    SignedRequest { key, query }
}

fn just_before(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - 1)
}
