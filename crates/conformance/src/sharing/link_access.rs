//! Conformance suite for [`LinkAccess`].

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{ItemRef, Link, Name, NodeId, NodeKind, PasswordHash, SealedToken, Timestamp, UserId};
use clouddrive_domain::port::LinkAccess;

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

/// Runs every case.
///
/// # Panics
/// If the implementation breaks the contract.
pub fn suite(access: &dyn LinkAccess) {
    const ONE: &str = "01990000-0000-7000-8000-000000000001";
    const OTHER: &str = "01990000-0000-7000-8000-000000000002";
    let passwords = [None, Some("$example$one"), Some("$example$two")];
    let at = Timestamp::from_millis;
    let (now, end) = (at(1_700_000_000_000), at(1_700_003_600_000));
    for password in passwords {
        let linked = link(ONE, password);
        let proof = access.grant(&linked, end);
        assert!(proof.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{proof}");
        assert!(!proof.contains("example"), "{proof}");
        // A proof is valid for its own link and password, until it expires.
        assert!(access.verify(&linked, &proof, now));
        assert!(access.verify(&linked, &proof, at(end.as_millis() - 1)));
        assert!(!access.verify(&linked, &proof, end));
        assert!(!access.verify(&link(OTHER, password), &proof, now));
        for changed in passwords {
            assert_eq!(access.verify(&link(ONE, changed), &proof, now), changed == password);
        }
        // Other changes to the link do not matter.
        assert!(access.verify(&Link { downloads: 7, max_downloads: Some(9), ..linked.clone() }, &proof, now));
        // No part of the proof can be changed, including its expiry.
        for place in 0..proof.len() {
            for letter in ["0", "9", "A", "z", ".", ""] {
                let (head, tail) = proof.split_at(place);
                let changed = format!("{head}{letter}{}", tail.get(1..).unwrap());
                assert!(changed == proof || !access.verify(&linked, &changed, now), "{changed}");
            }
        }
        let (twice, signed) = (format!("{proof}.{proof}"), format!("+{proof}"));
        for text in ["", ".", "1700003600000", "1700003600000.", "x.y", &twice, &signed] {
            assert!(!access.verify(&linked, text, now), "{text}");
        }
    }
}
