//! Conformance suite for [`LinkTokens`].

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;

use clouddrive_domain::model::{LinkId, LinkToken, SealedToken};
use clouddrive_domain::port::LinkTokens;

fn link(text: &str) -> LinkId {
    text.parse().unwrap()
}

/// Runs every case.
///
/// # Panics
/// If the implementation breaks the contract.
pub fn suite(tokens: &dyn LinkTokens) {
    let one = LinkToken::parse("IJKLMNOPQRSTUVWXYZabcdefghijklmn").unwrap();
    let (first, second) = (link("01990000-0000-7000-8000-000000000001"), link("01990000-0000-7000-8000-000000000002"));
    // A sealed token opens only for its own link.
    let sealed = tokens.seal(first, &one).unwrap();
    assert_eq!(tokens.open(first, &sealed), Some(one.clone()));
    assert_eq!(tokens.open(second, &sealed), None);
    let text = one.expose().as_bytes();
    assert!(!sealed.as_bytes().windows(text.len()).any(|bytes| bytes == text), "the token stands there in clear");
    // Sealing is randomised: equal tokens have different ciphertexts.
    let again: HashSet<Vec<u8>> = (0..100).map(|_| tokens.seal(first, &one).unwrap().as_bytes().to_vec()).collect();
    assert_eq!(again.len(), 100);
    // Bytes that were never sealed do not open.
    for bytes in [vec![], vec![0; 12], vec![0; 60], text.to_vec()] {
        assert_eq!(tokens.open(first, &SealedToken::new(bytes)), None);
    }
}
