//! The report of a check.

use std::collections::BTreeMap;

use serde::Serialize;

/// The maximum number of listed findings per kind; all are counted.
pub const MAX_LISTED: usize = 100;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal;)+) => {
        /// The kind of a finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// Its meaning, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

kinds! {
    /// A version whose blob has no row.
    VersionWithoutBlob = "version_without_blob";
    /// A profile photo whose blob has no row.
    PhotoWithoutBlob = "photo_without_blob";
    /// An open upload whose blob has no row.
    UploadWithoutBlob = "upload_without_blob";
    /// A blob marked for deletion that is still referenced.
    CondemnedBlobInUse = "condemned_blob_in_use";
    /// A blob in use whose row names another store than this one.
    BlobInOtherStore = "blob_in_other_store";
    /// An unreferenced blob that should have been removed by now.
    BlobUnreferenced = "blob_unreferenced";
    /// A version whose size differs from its blob's row.
    VersionSizeDiffers = "version_size_differs";
    /// A version whose node is not a file.
    VersionWithoutFile = "version_without_file";
    /// A file whose current version is missing, or belongs to another file.
    FileWithoutVersion = "file_without_version";
    /// A node whose size differs from its content's.
    NodeSizeDiffers = "node_size_differs";
    /// A node whose sort key is not the folded name.
    SortKeyDiffers = "sort_key_differs";
    /// A node whose order key is not one of its name.
    OrderKeyDiffers = "order_key_differs";
    /// A drive that does not have exactly one root, or whose root is in the trash.
    DriveWithoutRoot = "drive_without_root";
    /// A node without a path to the root of its drive: an orphan, a cycle, or a parent in another drive.
    NodeWithoutRoot = "node_without_root";
    /// A node whose parent is a file.
    NodeInFile = "node_in_file";
    /// A folder nested too deeply.
    FolderTooDeep = "folder_too_deep";
    /// A folder with more levels of folders below it than its recorded maximum.
    ReachTooSmall = "reach_too_small";
    /// A name that several live nodes of one folder have.
    NameTwice = "name_twice";
    /// A drive whose used bytes are not the sum of its versions and of former contents not yet deleted.
    UsedBytesDiffer = "used_bytes_differ";
    /// A drive whose reserved bytes are not the sum of its open uploads and of bytes that became no file and could not
    /// be deleted.
    ReservedBytesDiffer = "reserved_bytes_differ";
    /// A drive whose recorded number of files and folders is wrong.
    UsedEntriesDiffer = "used_entries_differ";
    /// Bytes counted against a drive until their blob is deleted, although the blob has no row or is in use.
    HeldWithoutBlob = "held_without_blob";
    /// A complete upload whose node is not a file of its drive.
    UploadWithoutFile = "upload_without_file";
    /// An expired open upload that should have been ended by now.
    UploadOverdue = "upload_overdue";
    /// A node being purged that is not in the trash, or whose parent is not a root.
    PurgeAstray = "purge_astray";
    /// A public link to a missing node, to a root, or to a node not owned by the link's creator.
    LinkWithoutEnds = "link_without_ends";
    /// A share of a missing node or with a missing user, or of a root.
    ShareWithoutEnds = "share_without_ends";
    /// A share with the owner of the shared node.
    ShareWithOwner = "share_with_owner";
    /// A search entry of a node that is in the trash or does not exist.
    SearchShowsGone = "search_shows_gone";
    /// A live node without a search entry.
    SearchLacksNode = "search_lacks_node";
    /// A blob in use whose bytes are not in the store.
    ObjectMissing = "object_missing";
    /// A blob whose size in the store differs from its row.
    ObjectSizeDiffers = "object_size_differs";
    /// A blob whose SHA-256 differs from its row.
    ObjectDigestDiffers = "object_digest_differs";
    /// A blob in parts that cannot be read, because its manifest or parts have changed.
    ObjectBroken = "object_broken";
    /// A blob in use that cannot be read from the store.
    ObjectUnreadable = "object_unreadable";
    /// A multipart upload without an upload or blob that should have been discarded by now.
    TransferAbandoned = "transfer_abandoned";
    /// An object without a row that should have been removed by now, or never written.
    ObjectWithoutRow = "object_without_row";
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub kind: Kind,
    /// The ID or key of the violating row or object.
    pub subject: String,
    /// The details.
    pub detail: String,
}

/// The results of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    listed: BTreeMap<Kind, Vec<(String, String)>>,
    counts: BTreeMap<Kind, u64>,
    /// The number of nodes checked.
    pub nodes: u64,
    /// The number of blob rows checked.
    pub blobs: u64,
    /// The number of objects in the store.
    pub objects: u64,
    /// The number of object bytes read.
    pub bytes_read: u64,
    /// The number of blobs read without a known digest, of which only the length was compared.
    pub undigested: u64,
}

impl Report {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        *self.counts.entry(finding.kind).or_default() += 1;
        let listed = self.listed.entry(finding.kind).or_default();
        if listed.len() < MAX_LISTED {
            listed.push((finding.subject, finding.detail));
        }
    }

    /// Counts findings without listing them.
    pub(crate) fn add_unlisted(&mut self, kind: Kind, count: u64) {
        if count > 0 {
            *self.counts.entry(kind).or_default() += count;
        }
    }

    /// The total number of findings.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The number of findings of each kind.
    pub fn counts(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// The first [`MAX_LISTED`] findings of each kind.
    pub fn findings(&self) -> impl Iterator<Item = Finding> + '_ {
        self.listed.iter().flat_map(|(kind, some)| {
            some.iter().map(|(subject, detail)| Finding {
                kind: *kind,
                subject: subject.clone(),
                detail: detail.clone(),
            })
        })
    }
}

#[derive(Serialize)]
struct ReportJson<'a> {
    found: u64,
    checked: Checked,
    counts: BTreeMap<&'static str, u64>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct Checked {
    nodes: u64,
    blobs: u64,
    objects: u64,
    bytes_read: u64,
    undigested: u64,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    kind: &'static str,
    subject: &'a str,
    detail: &'a str,
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let findings = self.listed.iter().flat_map(|(kind, some)| {
            some.iter().map(|(subject, detail)| FindingJson { kind: kind.as_str(), subject, detail })
        });
        let written = ReportJson {
            found: self.found(),
            checked: Checked {
                nodes: self.nodes,
                blobs: self.blobs,
                objects: self.objects,
                bytes_read: self.bytes_read,
                undigested: self.undigested,
            },
            counts: self.counts().map(|(kind, count)| (kind.as_str(), count)).collect(),
            findings: findings.collect(),
        };
        written.serialize(serializer)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { nodes, blobs, objects, bytes_read, undigested, .. } = self;
        write!(f, "checked: {nodes} nodes, {blobs} blobs, {objects} objects, {bytes_read} bytes of them read")?;
        if *undigested > 0 {
            write!(f, "; {undigested} of those read have no known digest, only a length")?;
        }
        for (kind, count) in self.counts() {
            write!(f, "\n\n{} ({count}): {}", kind.as_str(), kind.meaning())?;
            let listed = self.listed.get(&kind).map(Vec::as_slice).unwrap_or_default();
            for (subject, detail) in listed {
                write!(f, "\n  {subject}: {detail}")?;
            }
            let more = count.saturating_sub(listed.len() as u64);
            if more > 0 {
                write!(f, "\n  and {more} more")?;
            }
        }
        if self.found() == 0 { write!(f, "\nnothing is wrong") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_are_listed() {
        let mut report = Report::default();
        assert!(report.to_string().ends_with("\nnothing is wrong"));
        for number in 0..MAX_LISTED + 5 {
            report.add(Finding { kind: Kind::NameTwice, subject: number.to_string(), detail: "two".to_owned() });
        }
        assert_eq!((report.found(), report.findings().count()), (105, MAX_LISTED));
        let text = report.to_string();
        assert!(
            text.contains("name_twice (105): A name that several live nodes of one folder have.\n  0: two\n"),
            "{text}"
        );
        assert!(text.ends_with("\n  99: two\n  and 5 more"), "{text}");
    }

    #[test]
    fn no_two_kinds_have_one_word() {
        let words: std::collections::BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), Kind::ALL.len());
    }
}
