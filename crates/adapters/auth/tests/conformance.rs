//! Runs the conformance suites of the ports that this crate implements.

use clouddrive_auth::{Algorithm, Argon2Passwords, JwtTokens, MacLinkAccess, MasterKey, SealedLinkTokens};
use clouddrive_conformance::{link_access, link_tokens, passwords, tokens};

#[tokio::test]
async fn argon2_passwords() {
    passwords::suite(&Argon2Passwords::new(2, 64).unwrap()).await;
}

#[tokio::test]
async fn jwt_tokens() {
    let master = MasterKey::new(b"an example secret of 32 bytes ok").unwrap();
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        tokens::suite(&JwtTokens::new(&master, algorithm, "https://drive.example.com", "clouddrive")).await;
    }
}

#[test]
fn sealed_link_tokens() {
    link_tokens::suite(&SealedLinkTokens::new([7; 32]).unwrap());
}

#[test]
fn mac_link_access() {
    link_access::suite(&MacLinkAccess::new([7; 32]));
}
