use std::cell::Cell;

use futures_util::future::{join, join_all};

use crate::copy::multiplied;
use crate::support::{Server, sql_id, text};

#[tokio::test]
async fn others_write_between_the_steps_of_a_purge() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let one = ann.folder("one", None).await;
    let many = multiplied(&ann, &one, "many", 31).await;
    let large = multiplied(&ann, &many, "large", 31).await;
    ann.delete(&format!("/drive/{large}")).await.ok_empty();
    let over = Cell::new(false);
    let purge = async {
        ann.delete(&format!("/trash/{large}")).await.ok_empty();
        over.set(true);
    };
    let writing = join_all((0..4).map(async |writer| {
        for number in 0.. {
            if over.get() {
                break;
            }
            ben.folder(&format!("{number} of {writer}"), None).await;
        }
    }));
    join(purge, writing).await;
    let ben = sql_id(&text(&ben.get("/user").await.ok()["id"]));
    let between = server.value(&format!(
        "SELECT count(*) FROM changes WHERE actor_id = {ben}
            AND sequence > (SELECT min(sequence) FROM changes WHERE kind = 'purge_begun')
            AND sequence < (SELECT max(sequence) FROM changes WHERE kind = 'nodes_purged')"
    ));
    assert_ne!(between, "0");
}
