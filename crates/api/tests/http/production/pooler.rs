//! A pooler that gives each transaction another connection.

use std::sync::Arc;

use super::doctor::{bad, doctor};
use super::{id, refusal_to_serve};
use crate::support::{Pooler, Server, Storage};

#[tokio::test]
async fn a_pooler_that_loses_prepared_statements_is_reported_and_works_without_them() {
    let (pooler, place) = (Pooler::start().await, Arc::new(Storage::new()));
    let url = pooler.database_url(&place);
    let through = ("DATABASE_URL", url.as_str());
    // Every process gives its statements the same names: those that one leaves must not mislead the next.
    for _ in 0..2 {
        let (code, text) = doctor(&place, &[through]);
        assert_eq!(code, 1, "{text}");
        let [line] = bad(&text)[..] else { panic!("{text}") };
        assert!(line.starts_with("BAD      database prepared statements: "), "{line}");
        assert!(line.contains("DATABASE_PREPARED_STATEMENTS=off"), "{line}");
        let printed = refusal_to_serve(&place, &[through]);
        assert!(printed.starts_with("clouddrive: the database "), "{printed}");
        assert!(printed.contains("DATABASE_PREPARED_STATEMENTS=off"), "{printed}");
    }
    let without = ("DATABASE_PREPARED_STATEMENTS", "off");
    let (code, text) = doctor(&place, &[through, without]);
    assert_eq!((code, bad(&text)), (0, Vec::new()), "{text}");
    let server = Server::at(place, &[through, without]).await;
    let ann = server.user("ann").await;
    let file = id(&ann.upload("note.txt", b"hello", None).await);
    assert_eq!(ann.download(&file).await, b"hello");
}
