//! Downloads through public links.

use clouddrive_domain::model::{DOWNLOAD_WINDOW, DriveId, LinkDownload, LinkId, NodeId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id};

fn digest(download: &LinkDownload) -> Parameter {
    Parameter::Binary(download.digest().to_vec())
}

/// When a download was counted.
#[derive(QueryableByName)]
pub struct CountedDownloadRow {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "only the existence of the row matters")]
    counted_at: i64,
}

/// Selects the [`CountedDownloadRow`] of `download`, if it was counted within the window before `now`.
#[must_use]
pub fn find(download: &LinkDownload, now: Timestamp) -> Statement {
    let text = "SELECT counted_at FROM link_downloads WHERE link_id = ? AND digest = ? AND counted_at > ?";
    let parameters = vec![download.link.into(), digest(download), Parameter::time(now.minus(DOWNLOAD_WINDOW))];
    Statement::new(text, parameters)
}

/// Counts `download` at `at`, if it was not counted before and the link allows another one then. Returns the link's
/// [`CountedLinkRow`] if it was counted.
#[must_use]
pub fn count(download: &LinkDownload, at: Timestamp) -> Statement {
    let text = "UPDATE links SET downloads = downloads + 1, last_download_at = ?
        WHERE id = ? AND (max_downloads IS NULL OR downloads < max_downloads) AND (expires_at IS NULL OR expires_at > ?)
            AND NOT EXISTS (SELECT 1 FROM link_downloads d WHERE d.link_id = ? AND d.digest = ? AND d.counted_at > ?)
        RETURNING node_id, (SELECT n.drive_id FROM nodes n WHERE n.id = links.node_id) AS drive_id";
    let link: Parameter = download.link.into();
    let parameters = vec![
        Parameter::time(at),
        link.clone(),
        Parameter::time(at),
        link,
        digest(download),
        Parameter::time(at.minus(DOWNLOAD_WINDOW)),
    ];
    Statement::new(text, parameters)
}

/// Records that `download` was counted at `at`. Changes one row, or none if another transaction has just done so.
#[must_use]
pub fn record(download: &LinkDownload, at: Timestamp) -> Statement {
    let text = "INSERT INTO link_downloads (link_id, digest, counted_at) VALUES (?, ?, ?)
        ON CONFLICT (link_id, digest) DO UPDATE SET counted_at = excluded.counted_at
        WHERE link_downloads.counted_at <= ?";
    let parameters =
        vec![download.link.into(), digest(download), Parameter::time(at), Parameter::time(at.minus(DOWNLOAD_WINDOW))];
    Statement::new(text, parameters)
}

/// Reverts [`count`] for a download that turned out to be counted already.
#[must_use]
pub fn uncount(link: LinkId) -> Statement {
    Statement::new("UPDATE links SET downloads = downloads - 1 WHERE id = ?", vec![link.into()])
}

/// A link whose download was counted.
#[derive(QueryableByName)]
pub struct CountedLinkRow {
    #[diesel(sql_type = Id)]
    node_id: DbId,
    #[diesel(sql_type = Nullable<Id>)]
    drive_id: Option<DbId>,
}

impl CountedLinkRow {
    /// Its drive and its node.
    #[must_use]
    pub fn location(&self) -> (Option<DriveId>, NodeId) {
        (self.drive_id.map(DriveId::from), self.node_id.into())
    }
}
