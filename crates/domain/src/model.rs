//! Entities and value objects. All are valid by construction.

mod access;
mod action;
mod actor;
mod audit;
mod blob;
mod change;
mod command;
pub(crate) mod disposition;
mod expected;
mod id;
mod idempotency_record;
mod job;
mod keep_both;
mod link;
mod link_download;
mod located;
mod missing_parts;
mod name;
mod name_keys;
mod node;
mod page;
mod parse;
mod parts;
mod path;
mod precondition;
mod quota;
mod random;
mod role;
mod search;
mod session;
mod share;
mod throttle;
mod time;
mod token_hash;
mod upload;
mod user;
mod version;
mod viewer;

pub use access::{Grant, ReadGrant, authorize, authorize_read, authorize_read_below};
pub use action::Action;
pub use actor::{Actor, ClientInfo, Credential, Origin, Scope, Scopes};
pub use audit::{AdminAction, AuditAction, AuditEvent, FormerContent, LinkedItem, LoginRefusal, SharedItem, TrashItem};
pub use blob::{
    BlobKey, BlobRef, Crc32, EntityTag, MediaType, MultipartUpload, MultipartUploadId, Sha256, StoreName, Stored,
};
pub use change::{
    Change, ChangeBatch, ChangeBounds, ChangeCursor, ChangePosition, LoggedChange, NodeState, count_prunable,
};
pub use command::{ChangeKind, Command, RequestId};
pub use expected::{Expected, Length};
pub use id::{
    DriveId, Id, IdSource, IdempotencyRecordId, LeaseId, LinkId, NodeId, SessionId, ShareId, TokenId, UploadId, UserId,
    VersionId,
};
pub use idempotency_record::{CommandOutcome, IdempotencyKey, IdempotencyRecord, KeyedRequest, ResponseEncoder};
pub use job::{ClaimedJob, JOB_DELAY, Job, JobCount, JobKind, JobOutcome, MAX_JOB_ATTEMPTS};
pub use keep_both::{CandidateBatch, KeepBoth};
pub use link::{LINK_ACCESS_LIFETIME, Link, LinkChange, LinkToken, MAX_LINK_DOWNLOADS, SealedToken};
pub use link_download::{CountOutcome, DOWNLOAD_WINDOW, LinkDownload};
pub use located::{Located, Step};
pub use missing_parts::MissingParts;
pub use name::{MAX_NAME_BYTES, Name, NameError};
pub use name_keys::{NAME_KEYS_VERSION, OrderKey};
pub use node::{
    Content, Entry, MAX_COPY_NODES, MAX_TREE_DEPTH, Node, NodeBody, NodeKind, PathStep, Revision, UserRef, check_depth,
};
pub use page::{
    ChildPosition, Limit, LinkPosition, MAX_PAGE_BYTES, Order, Page, PageRoom, Position, SearchPosition,
    SessionPosition, SharePosition, Sort, SortBy, SortValue, TimePosition, TrashPosition, UploadPosition,
    VersionPosition, WalkPosition,
};
pub use parse::ParseError;
pub use parts::{MAX_FILE_BYTES, MAX_PART_BYTES, MAX_PARTS, MIN_PART_BYTES, Part, PartPlan};
pub use path::{MAX_PATH_NAMES, NodePath, PathStart};
pub use precondition::{Precondition, Seen};
pub use quota::{Charge, EntryQuota, NewLimits, Quota};
pub use random::Random;
pub use role::{Permission, Role};
pub use search::{SearchText, SearchTextError};
pub use session::{AccessClaims, ActiveSession, Identity, RefreshToken, Session};
pub use share::{AccessEntry, AccessVia, ItemRef, Share};
pub use throttle::{Bucket, BucketKind, BucketLevel, CLOCK_TOLERANCE, ClientSubnet, LoginSubject, RateLimit};
pub use time::Timestamp;
pub use token_hash::TokenHash;
pub use upload::{Completion, ConflictPolicy, FileInfo, MAX_UPLOAD_LIFETIME, Placement, Upload, UploadState};
pub use user::{Account, Credentials, Email, ListedAccount, LoginIdentifier, Password, PasswordHash, User, Username};
pub use version::{KeptVersion, Version, excess_versions};
pub use viewer::Viewer;

#[cfg(any(test, feature = "mock"))]
pub use random::MockRandom;
