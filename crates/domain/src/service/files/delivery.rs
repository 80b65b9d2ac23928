use crate::port::SignedUrl;

/// How a client gets the bytes of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The server reads them and sends them itself.
    Stream,
    /// Their store sends them, at this URL.
    Redirect(SignedUrl),
}
