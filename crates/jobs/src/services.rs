use clouddrive_domain::service::{EndedUploads, PurgeService};

/// The services that do the work of queued jobs.
#[derive(Clone)]
pub struct JobServices {
    /// Finishes purges and removes drives.
    pub purges: PurgeService,
    /// Deletes the bytes of ended uploads.
    pub ended: EndedUploads,
}
