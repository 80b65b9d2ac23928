//! Conformance suite for [`LinkAccess`].
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{ItemRef, Link, Name, NodeId, NodeKind, PasswordHash, SealedToken, Timestamp, UserId};
use clouddrive_domain::port::LinkAccess;

use crate::case::suite;

suite! {
    $ link_access(access: &dyn LinkAccess) (access)

    self of "`LinkAccess::grant`: Creates a proof for `link` and its current password, if any" {
        a_proof_does_not_contain_the_password,
    }

    self of "`LinkAccess::grant`: It consists of characters that need no escaping in a query." {
        a_proof_needs_no_escaping,
    }

    self of "`LinkAccess::grant`: It MUST be infeasible to forge without the key." {
        no_part_of_a_proof_can_be_changed,
        arbitrary_text_is_no_proof,
    }

    self of "`LinkAccess::verify`: Whether `proof` was granted for this link and its current password" {
        a_proof_is_for_one_link,
        a_proof_is_for_one_password,
        other_changes_to_the_link_do_not_matter,
    }

    self of "`LinkAccess::verify`: it expires exactly at its expiry time" {
        a_proof_expires_at_its_expiry_time,
    }
}

const ONE: &str = "01990000-0000-7000-8000-000000000001";
const OTHER: &str = "01990000-0000-7000-8000-000000000002";
const PASSWORDS: [Option<&str>; 3] = [None, Some("$example$one"), Some("$example$two")];
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const END: Timestamp = Timestamp::from_millis(1_700_003_600_000);

/// A link with this id and password hash.
///
/// # Panics
/// If `id` is not a valid id.
#[must_use]
pub fn link(id: &str, password: Option<&str>) -> Link {
    let node: NodeId = "01990000-0000-7000-8000-000000000011".parse().unwrap();
    let owner: UserId = "01990000-0000-7000-8000-000000000012".parse().unwrap();
    Link {
        id: id.parse().unwrap(),
        item: ItemRef { kind: NodeKind::Folder, id: node, name: Name::parse("Photos").unwrap() },
        created_by: owner,
        sealed: SealedToken::new(vec![1]),
        password: password.map(|hash| PasswordHash::new(hash.to_owned())),
        expires_at: None,
        max_downloads: None,
        downloads: 0,
        last_download_at: None,
        created_at: Timestamp::from_millis(0),
    }
}

/// A link with each password, and a proof for it.
fn granted(access: &dyn LinkAccess) -> [(Link, String); 3] {
    PASSWORDS.map(|password| {
        let link = link(ONE, password);
        let proof = access.grant(&link, END);
        assert!(access.verify(&link, &proof, NOW), "{proof}");
        (link, proof)
    })
}

async fn a_proof_does_not_contain_the_password(access: &dyn LinkAccess) {
    for (_, proof) in granted(access) {
        assert!(!proof.contains("example"), "{proof}");
    }
}

async fn a_proof_needs_no_escaping(access: &dyn LinkAccess) {
    for (_, proof) in granted(access) {
        assert!(proof.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{proof}");
    }
}

/// No part of the proof can be changed, including its expiry.
async fn no_part_of_a_proof_can_be_changed(access: &dyn LinkAccess) {
    for (link, proof) in granted(access) {
        for place in 0..proof.len() {
            for letter in ["0", "9", "A", "z", ".", ""] {
                let (head, tail) = proof.split_at(place);
                let changed = format!("{head}{letter}{}", tail.get(1..).unwrap());
                assert!(changed == proof || !access.verify(&link, &changed, NOW), "{changed}");
            }
        }
    }
}

async fn arbitrary_text_is_no_proof(access: &dyn LinkAccess) {
    for (link, proof) in granted(access) {
        let (twice, signed) = (format!("{proof}.{proof}"), format!("+{proof}"));
        for text in ["", ".", "1700003600000", "1700003600000.", "x.y", &twice, &signed] {
            assert!(!access.verify(&link, text, NOW), "{text}");
        }
    }
}

async fn a_proof_is_for_one_link(access: &dyn LinkAccess) {
    for (password, (_, proof)) in PASSWORDS.into_iter().zip(granted(access)) {
        assert!(!access.verify(&link(OTHER, password), &proof, NOW));
    }
}

async fn a_proof_is_for_one_password(access: &dyn LinkAccess) {
    for (password, (_, proof)) in PASSWORDS.into_iter().zip(granted(access)) {
        for changed in PASSWORDS {
            assert_eq!(access.verify(&link(ONE, changed), &proof, NOW), changed == password);
        }
    }
}

async fn other_changes_to_the_link_do_not_matter(access: &dyn LinkAccess) {
    for (link, proof) in granted(access) {
        assert!(access.verify(&Link { downloads: 7, max_downloads: Some(9), ..link }, &proof, NOW));
    }
}

async fn a_proof_expires_at_its_expiry_time(access: &dyn LinkAccess) {
    for (link, proof) in granted(access) {
        assert!(access.verify(&link, &proof, Timestamp::from_millis(END.as_millis() - 1)));
        assert!(!access.verify(&link, &proof, END));
    }
}
