//! What was found.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many findings of one kind are listed; all are counted.
pub const LISTED: usize = 100;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal;)+) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word for it, which stays as it is.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What it means, in a sentence.
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
    /// A blob that is condemned, and yet something refers to it.
    CondemnedBlobInUse = "condemned_blob_in_use";
    /// A blob in use whose row names another store than this one.
    BlobInOtherStore = "blob_in_other_store";
    /// A blob to which nothing refers, and which should have been removed by now.
    BlobUnreferenced = "blob_unreferenced";
    /// A version of another size than its blob has by its row.
    VersionSizeDiffers = "version_size_differs";
    /// A version of something that is no file.
    VersionWithoutFile = "version_without_file";
    /// A file whose current version is missing, or is another file's.
    FileWithoutVersion = "file_without_version";
    /// A node of another size than its content has.
    NodeSizeDiffers = "node_size_differs";
    /// A node whose sort key is not the folded name.
    SortKeyDiffers = "sort_key_differs";
    /// A node whose order key is not one of its name.
    OrderKeyDiffers = "order_key_differs";
    /// A drive that has not just one root, or one that lies in the trash.
    DriveWithoutRoot = "drive_without_root";
    /// A node from which no way leads up to the root of its own drive: an orphan, a cycle, or a parent in another drive.
    NodeWithoutRoot = "node_without_root";
    /// A node that stands in a file.
    NodeInFile = "node_in_file";
    /// A folder that stands too deep.
    FolderTooDeep = "folder_too_deep";
    /// A folder with more levels of folders below it than it has noted as the most.
    ReachTooSmall = "reach_too_small";
    /// A name that several live nodes of one folder have.
    NameTwice = "name_twice";
    /// A drive whose used bytes are not the sum of its versions, and of what was purged and is not deleted yet.
    UsedBytesDiffer = "used_bytes_differ";
    /// A drive whose reserved bytes are not the sum of its open uploads, and of what arrived for ended ones and could not be
    /// deleted.
    ReservedBytesDiffer = "reserved_bytes_differ";
    /// A drive that has not as many files and folders as it says.
    UsedEntriesDiffer = "used_entries_differ";
    /// Bytes that count against a drive until they are deleted, of a blob that has no row or is in use.
    HeldWithoutBlob = "held_without_blob";
    /// A complete upload that names something which is no file of its drive.
    UploadWithoutFile = "upload_without_file";
    /// An open upload whose time ran out, and which should have been ended by now.
    UploadOverdue = "upload_overdue";
    /// A node that is being purged, and yet lives, or does not stand in a root.
    PurgeAstray = "purge_astray";
    /// A public link to a node that is not there, to a root, or to what is not its maker's.
    LinkWithoutEnds = "link_without_ends";
    /// A share of a node, or with a user, that is not there, or of a root.
    ShareWithoutEnds = "share_without_ends";
    /// A share with the owner of what is shared.
    ShareWithOwner = "share_with_owner";
    /// A node that can be found by searching, although it lies in the trash or is gone.
    SearchShowsGone = "search_shows_gone";
    /// A live node that cannot be found by searching.
    SearchLacksNode = "search_lacks_node";
    /// A blob in use whose bytes are not in the store.
    ObjectMissing = "object_missing";
    /// A blob that has another size in the store than by its row.
    ObjectSizeDiffers = "object_size_differs";
    /// A blob whose bytes have another SHA-256 than its row says.
    ObjectDigestDiffers = "object_digest_differs";
    /// A blob in parts whose manifest or parts are not as they were written: it cannot be read.
    ObjectBroken = "object_broken";
    /// A blob in use that the store does not hand out.
    ObjectUnreadable = "object_unreadable";
    /// A transfer of parts that belongs to no upload and no blob, and should have been discarded by now.
    TransferAbandoned = "transfer_abandoned";
    /// An object without a row, which should have been removed by now, or never written.
    ObjectWithoutRow = "object_without_row";
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub kind: Kind,
    /// With what: an identifier, or a key.
    pub subject: String,
    /// How.
    pub detail: String,
}

/// What the check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    listed: BTreeMap<Kind, Vec<(String, String)>>,
    counts: BTreeMap<Kind, u64>,
    /// How many nodes were checked.
    pub nodes: u64,
    /// How many rows of blobs were checked.
    pub blobs: u64,
    /// How many objects the store has.
    pub objects: u64,
    /// How many bytes of them were read.
    pub bytes_read: u64,
    /// How many of those that were read have no known digest: they were held against their length only.
    pub undigested: u64,
}

impl Report {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        *self.counts.entry(finding.kind).or_default() += 1;
        let listed = self.listed.entry(finding.kind).or_default();
        if listed.len() < LISTED {
            listed.push((finding.subject, finding.detail));
        }
    }

    /// Counts findings of a kind that are not listed.
    pub(crate) fn add_unlisted(&mut self, kind: Kind, count: u64) {
        if count > 0 {
            *self.counts.entry(kind).or_default() += count;
        }
    }

    /// How many things are wrong.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many things are wrong, by what is.
    pub fn counts(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// What is wrong, the first [`LISTED`] of each kind.
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
struct Written<'a> {
    found: u64,
    checked: Checked,
    counts: BTreeMap<&'static str, u64>,
    findings: Vec<WrittenFinding<'a>>,
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
struct WrittenFinding<'a> {
    kind: &'static str,
    subject: &'a str,
    detail: &'a str,
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let findings = self.listed.iter().flat_map(|(kind, some)| {
            some.iter().map(|(subject, detail)| WrittenFinding { kind: kind.as_str(), subject, detail })
        });
        let written = Written {
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
        for number in 0..LISTED + 5 {
            report.add(Finding { kind: Kind::NameTwice, subject: number.to_string(), detail: "two".to_owned() });
        }
        assert_eq!((report.found(), report.findings().count()), (105, LISTED));
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
