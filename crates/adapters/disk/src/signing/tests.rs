use futures_util::FutureExt;

use super::*;

const KEY: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";
const NOW: Timestamp = Timestamp::from_millis(1_000);
const END: Timestamp = Timestamp::from_millis(301_000);

fn urls() -> DiskUrls {
    DiskUrls::new("https://drive.example", [7; 32])
}

fn put() -> String {
    let key = BlobKey::parse(KEY).unwrap();
    query(&urls().presign_put(&key, None, 10, Some(Sha256::from_bytes([0xA7; 32])), END))
}

fn get() -> String {
    let content_headers = ContentHeaders {
        media_type: MediaType::parse("text/plain; charset=utf-8").unwrap(),
        attachment: Some(Name::parse("a&name=b=ü 100%.txt").unwrap()),
        content: Some(ContentInfo {
            size: Some(5),
            tag: EntityTag::parse("a-1&b").unwrap(),
            modified_at: Timestamp::from_millis(700),
            client_modified_at: Some(Timestamp::from_millis(-9)),
        }),
    };
    let key = BlobKey::parse(KEY).unwrap();
    query(&urls().presign_get(&key, &content_headers, END).now_or_never().unwrap().unwrap())
}

fn query(signed: &SignedUrl) -> String {
    signed.url.strip_prefix(&format!("https://drive.example/blob/{KEY}?")).unwrap().to_owned()
}

/// Any query, with its valid signature.
fn signed(purpose: Purpose, query: &str) -> String {
    self::query(&urls().sign(purpose, &BlobKey::parse(KEY).unwrap(), query, END))
}

fn forbidden<T: fmt::Debug>(outcome: Result<T>) -> Forbidden {
    match outcome {
        Err(Error::Forbidden(forbidden)) => forbidden,
        other => panic!("{other:?}"),
    }
}

fn refused(key: &str, query: &str) {
    // An invalid signature is reported as such, even if the URL has expired too.
    for now in [NOW, END] {
        let request = SignedRequest { key, query };
        assert_eq!(forbidden(urls().verify_put(request, now)), Forbidden::Signature, "PUT {key}?{query}");
        assert_eq!(forbidden(urls().verify_get(request, now)), Forbidden::Signature, "GET {key}?{query}");
    }
}

#[test]
fn urls_look_as_documented() {
    let digest = "a7".repeat(32);
    let put = put();
    let (parameters, signature) = put.rsplit_once("&signature=").unwrap();
    assert_eq!(parameters, format!("method=PUT&length=10&sha256={digest}&expires=301000"));
    assert_eq!(signature.len(), 43);
    let get = get();
    let (parameters, _) = get.rsplit_once("&signature=").unwrap();
    assert_eq!(
        parameters,
        "method=GET&type=text%2Fplain%3B%20charset%3Dutf-8&name=a%26name%3Db%3D%C3%BC%20100%25.txt\
         &size=5&etag=a-1%26b&modified=700&client_modified=-9&expires=301000"
    );
}

#[test]
fn a_put_carries_the_condition_that_nothing_is_there() {
    let signed = urls().presign_put(&BlobKey::parse(KEY).unwrap(), None, 10, None, END);
    assert_eq!(signed.headers, [("If-None-Match", "*".to_owned())]);
}

#[test]
fn signed_urls_are_accepted_until_they_expire() {
    let last = Timestamp::from_millis(END.as_millis() - 1);
    let (put, get) = (put(), get());
    let request = SignedRequest { key: KEY, query: &put };
    let (target, expected) = urls().verify_put(request, last).unwrap();
    assert_eq!(target, PutTarget::Blob(BlobKey::parse(KEY).unwrap()));
    let sha256 = Some(Sha256::from_bytes([0xA7; 32]));
    assert_eq!(expected, Expected { length: Length::Exactly(10), sha256 });
    assert_eq!(forbidden(urls().verify_put(request, END)), Forbidden::UrlExpired);

    let request = SignedRequest { key: KEY, query: &get };
    let GetTarget { key, content_headers, watch } = urls().verify_get(request, last).unwrap();
    assert_eq!(watch, None);
    assert_eq!(key.as_str(), KEY);
    assert_eq!(content_headers.media_type.as_str(), "text/plain; charset=utf-8");
    assert_eq!(content_headers.attachment.unwrap().as_str(), "a&name=b=ü 100%.txt");
    assert_eq!(forbidden(urls().verify_get(request, END)), Forbidden::UrlExpired);
}

#[test]
fn a_url_for_a_part_is_invalid_for_others_and_the_whole() {
    let key = BlobKey::parse(KEY).unwrap();
    let part = query(&urls().presign_put(&key, Some(7), 10, None, END));
    assert!(part.starts_with("method=PUT&part=7&length=10&expires=301000&signature="));
    let (target, _) = urls().verify_put(SignedRequest { key: KEY, query: &part }, NOW).unwrap();
    assert_eq!(target, PutTarget::Part { multipart: multipart(key), number: 7 });
    for other in ["", "&part=8", "&part=07", "&part=70", "&part=+7", "&part=%37", "&part=7&part=7"] {
        refused(KEY, &part.replace("&part=7", other));
    }
    refused(KEY, &put().replace("method=PUT", "method=PUT&part=1"));
}

#[test]
fn a_url_for_one_method_is_invalid_for_the_other() {
    let (put, get) = (put(), get());
    let put = SignedRequest { key: KEY, query: &put };
    let get = SignedRequest { key: KEY, query: &get };
    assert_eq!(forbidden(urls().verify_get(put, NOW)), Forbidden::Signature);
    assert_eq!(forbidden(urls().verify_put(get, NOW)), Forbidden::Signature);
    refused(KEY, &get.query.replace("method=GET", "method=PUT"));
    refused(KEY, &put.query.replace("method=PUT", "method=GET"));
}

#[test]
fn no_parameter_can_be_changed() {
    let put = put();
    for (from, to) in [
        ("method=PUT", "method=put"),
        ("method=PUT", "method=POST"),
        ("length=10", "length=11"),
        ("length=10", "length=010"),
        ("length=10", "length=%310"),
        ("length=10", "length=+10"),
        ("sha256=a7", "sha256=a8"),
        ("sha256=a7", "sha256=A7"),
        ("expires=301000", "expires=901000"),
        ("expires=301000", "expires=0301000"),
        ("expires=301000", "expires="),
    ] {
        assert!(put.contains(from));
        refused(KEY, &put.replacen(from, to, 1));
    }
    let get = get();
    for (from, to) in [
        ("method=GET", "method=HEAD"),
        ("type=text%2Fplain", "type=text%2Fhtml"),
        ("type=text%2Fplain", "type=text%2fplain"),
        ("type=text%2Fplain", "type=text/plain"),
        ("name=a%26name", "name=b%26name"),
        ("%20100", "+100"),
        ("expires=301000", "expires=901000"),
    ] {
        assert!(get.contains(from));
        refused(KEY, &get.replacen(from, to, 1));
    }
}

#[test]
fn no_byte_of_the_query_can_be_changed_or_left_out() {
    for query in [put(), get()] {
        for at in 0..query.len() {
            let (before, after) = query.split_at(at);
            let mut rest = after.chars();
            let other = if rest.next() == Some('A') { 'B' } else { 'A' };
            refused(KEY, &format!("{before}{other}{}", rest.as_str()));
            refused(KEY, &format!("{before}{}", rest.as_str()));
            refused(KEY, before);
        }
    }
}

#[test]
fn no_parameter_can_be_added_doubled_left_out_or_moved() {
    for query in [put(), get()] {
        let parameters: Vec<&str> = query.split('&').collect();
        for at in 0..parameters.len() {
            for extra in [parameters[at], "length=5", "signature=", "signature=x", "x", "x=y", ""] {
                let mut more = parameters.clone();
                more.insert(at, extra);
                refused(KEY, &more.join("&"));
                more = parameters.clone();
                more.push(extra);
                refused(KEY, &more.join("&"));
            }
            let mut fewer = parameters.clone();
            fewer.remove(at);
            refused(KEY, &fewer.join("&"));
            let mut moved = parameters.clone();
            moved.rotate_left(at);
            if at > 0 {
                refused(KEY, &moved.join("&"));
            }
        }
    }
}

#[test]
fn the_signature_has_one_spelling() {
    for query in [put(), get()] {
        refused(KEY, &format!("{query}="));
        refused(KEY, &format!("{query}&"));
        refused(KEY, &query.replace("&signature=", "&Signature="));
        refused(KEY, &query.replace("&signature=", "&signature=%"));
        let (parameters, _) = query.rsplit_once("&signature=").unwrap();
        refused(KEY, &format!("{parameters}&signature="));
        refused(KEY, &format!("{parameters}&signature={}", "A".repeat(43)));
    }
    for query in ["", "signature=", "&signature=", "&signature=&signature="] {
        refused(KEY, query);
    }
}

#[test]
fn the_key_cannot_be_swapped_and_its_end_cannot_be_moved() {
    for query in [put(), get()] {
        for key in [OTHER, "", "00112233445566778899AABBCCDDEEFF", &format!("{KEY}/"), &KEY[1..]] {
            refused(key, &query);
        }
        refused(&KEY[..31], &format!("{}{query}", &KEY[31..]));
    }
}

#[test]
fn another_servers_signature_is_none() {
    let others = DiskUrls::new("https://drive.example", [8; 32]);
    let (put, get) = (put(), get());
    let put = SignedRequest { key: KEY, query: &put };
    let get = SignedRequest { key: KEY, query: &get };
    assert_eq!(forbidden(others.verify_put(put, NOW)), Forbidden::Signature);
    assert_eq!(forbidden(others.verify_get(get, NOW)), Forbidden::Signature);
}

#[test]
fn a_good_signature_does_not_make_nonsense_good() {
    for query in [
        "",
        "method=PUT",
        "length=1&method=PUT&expires=301000",
        "method=PUT&length=-1&expires=301000",
        "method=PUT&length=1&sha256=a7&expires=301000",
        "method=PUT&length=1&expires=301000&length=2",
        "method=PUT&length=1&x=y&expires=301000",
        "method=GET&length=1&expires=301000",
    ] {
        let query = signed(Purpose::Put, query);
        let request = SignedRequest { key: KEY, query: &query };
        assert_eq!(forbidden(urls().verify_put(request, NOW)), Forbidden::Signature, "{query}");
    }
    for query in [
        "method=GET&type=&expires=301000",
        "method=GET&type=a%2Fb&name=..&expires=301000",
        "method=GET&type=a%2Fb&name=%FF&expires=301000",
        "method=GET&type=a%2Fb&name=a&name=b&expires=301000",
        "method=GET&type=a%2Fb",
    ] {
        let query = signed(Purpose::Get, query);
        let request = SignedRequest { key: KEY, query: &query };
        assert_eq!(forbidden(urls().verify_get(request, NOW)), Forbidden::Signature, "{query}");
    }
}

#[test]
fn debug_prints_no_key() {
    assert_eq!(format!("{:?}", urls()), r#"DiskUrls { public_url: "https://drive.example", .. }"#);
}
