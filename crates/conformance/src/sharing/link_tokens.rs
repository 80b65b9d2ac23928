//! Conformance suite for [`LinkTokens`].
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;

use clouddrive_domain::model::{LinkId, LinkToken, SealedToken};
use clouddrive_domain::port::LinkTokens;

use crate::case::suite;

suite! {
    $ link_tokens(tokens: &dyn LinkTokens) (tokens)

    self of "`LinkTokens::open`: Opens a token sealed for `link`" {
        a_sealed_token_opens_for_its_link,
    }

    self of "`LinkTokens::open`: none if it was sealed for another link or with an unknown key" {
        a_sealed_token_does_not_open_for_another_link,
        bytes_that_were_never_sealed_do_not_open,
    }

    self of "`LinkTokens::seal`: Without the key, it MUST be impossible to learn anything about the token" {
        a_sealed_token_does_not_contain_the_token,
        equal_tokens_are_sealed_differently,
    }
}

const TOKEN: &str = "IJKLMNOPQRSTUVWXYZabcdefghijklmn";

fn token() -> LinkToken {
    LinkToken::parse(TOKEN).unwrap()
}

fn link() -> LinkId {
    "01990000-0000-7000-8000-000000000001".parse().unwrap()
}

async fn a_sealed_token_opens_for_its_link(tokens: &dyn LinkTokens) {
    let sealed = tokens.seal(link(), &token()).unwrap();
    assert_eq!(tokens.open(link(), &sealed), Some(token()));
}

async fn a_sealed_token_does_not_open_for_another_link(tokens: &dyn LinkTokens) {
    let other = "01990000-0000-7000-8000-000000000002".parse().unwrap();
    let sealed = tokens.seal(link(), &token()).unwrap();
    assert_eq!(tokens.open(other, &sealed), None);
}

async fn bytes_that_were_never_sealed_do_not_open(tokens: &dyn LinkTokens) {
    for bytes in [vec![], vec![0; 12], vec![0; 60], TOKEN.as_bytes().to_vec()] {
        assert_eq!(tokens.open(link(), &SealedToken::new(bytes)), None);
    }
}

async fn a_sealed_token_does_not_contain_the_token(tokens: &dyn LinkTokens) {
    let sealed = tokens.seal(link(), &token()).unwrap();
    let is_clear = sealed.as_bytes().windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes());
    assert!(!is_clear, "the token stands there in clear");
}

async fn equal_tokens_are_sealed_differently(tokens: &dyn LinkTokens) {
    let sealed: HashSet<_> = (0..100).map(|_| tokens.seal(link(), &token()).unwrap().as_bytes().to_vec()).collect();
    assert_eq!(sealed.len(), 100);
}
