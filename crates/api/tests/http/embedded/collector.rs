use std::time::{Duration, SystemTime};

use crate::support::Server;

#[tokio::test]
async fn remains_of_broken_writes_go_and_running_ones_stay() {
    let server = Server::start().await;
    let tmp = server.data().join("tmp");
    let (old, young) =
        (tmp.join("00112233445566778899aabbccddeeff.1-0"), tmp.join("00112233445566778899aabbccddeeff.1-1"));
    for path in [&old, &young] {
        std::fs::write(path, "half of something").unwrap();
    }
    let long_ago = SystemTime::now() - Duration::from_secs(3 * 86_400);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    let printed = server.run("collect", &[]);
    assert!(printed.contains("partial writes removed: 1"), "{printed}");
    assert!(young.is_file() && !old.exists());
}
