mod expect;
pub mod gone;
mod large;
mod strange;

use crate::support::{ApiClient, RawConnection, Server};

/// Asserts that the server is ready.
pub async fn assert_well(server: &Server) {
    assert_eq!(server.anonymous().get("/health/ready").await.status, 200);
}

/// Starts a form with a file of `length` bytes, and sends half of them.
pub async fn begin_form(wire: &mut RawConnection, caller: &ApiClient, fields: &str, length: usize) {
    let start = format!(
        "{fields}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"half.bin\"\r\n\r\n{}",
        "x".repeat(length / 2)
    );
    let length = length.to_string();
    let headers = [("Content-Type", "multipart/form-data; boundary=b"), ("Content-Length", length.as_str())];
    wire.head(caller, "POST", "/file", &headers).await;
    wire.send(start).await;
}
