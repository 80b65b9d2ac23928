//! Runs the conformance suites of the ports that this crate implements.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use clouddrive_auth::{Algorithm, Argon2Passwords, JwtTokens, MacLinkAccess, MasterKey, SealedLinkTokens};

clouddrive_conformance::passwords! {
    #[tokio::test] passwords = Argon2Passwords::new(2, 64).unwrap() => &passwords
}

fn jwt_tokens(algorithm: Algorithm) -> JwtTokens {
    let master = MasterKey::new(b"an example secret of 32 bytes ok").unwrap();
    JwtTokens::new(&master, algorithm, "https://drive.example.com", "clouddrive")
}

macro_rules! tokens {
    ($($module:ident: $algorithm:ident,)+) => {$(
        mod $module {
            use super::{Algorithm, jwt_tokens};

            clouddrive_conformance::tokens! {
                #[tokio::test] tokens = jwt_tokens(Algorithm::$algorithm) => &tokens
            }
        }
    )+};
}

tokens! {
    hs256: Hs256,
    hs384: Hs384,
    hs512: Hs512,
}

clouddrive_conformance::link_tokens! {
    #[tokio::test] tokens = SealedLinkTokens::new([7; 32]).unwrap() => &tokens
}

clouddrive_conformance::link_access! {
    #[tokio::test] access = MacLinkAccess::new([7; 32]) => &access
}
