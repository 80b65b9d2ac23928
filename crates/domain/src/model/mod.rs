//! Entities and values. Each is valid by construction: what cannot be, cannot be made.

mod access;
mod audit;
mod blob;
mod command;
mod id;
mod keep_both;
mod name;
mod node;
mod page;
mod quota;
mod role;
mod session;
mod share;
mod throttle;
mod time;
mod upload;
mod user;

pub use access::{Action, Grant, Located, Step, authorize, check_depth};
pub use audit::{Administered, AuditAction, AuditEvent, LoginRefusal, SharedItem};
pub use blob::{BlobKey, Expected, Length, MediaType, Sha256, StoreName, Stored, Ticket, Transfer};
pub use command::{Actor, Change, ChangeKind, Command, RequestId};
pub use id::{DriveId, Id, NodeId, SessionId, ShareId, TokenId, UploadId, UserId, VersionId};
pub use keep_both::{KeepBoth, Round};
pub use name::{MAX_NAME_BYTES, Name, NameError};
pub use node::{Content, Entry, MAX_TREE_DEPTH, Node, NodeBody, NodeKind, PathStep, Person, Revision};
pub use page::{Limit, Order, Page, Position, SessionPosition, SharePosition, Sort, SortBy, SortValue};
pub use quota::Quota;
pub use role::{Permission, Role};
pub use session::{AccessClaims, Identity, RefreshToken, RunningSession, Session, TokenHash};
pub use share::{ItemRef, Share};
pub use throttle::{Bucket, BucketKind, Network, Pace};
pub use time::Timestamp;
pub use upload::{Completion, ConflictPolicy, FileInfo, MAX_FILE_BYTES, Upload, UploadState};
pub use user::{Account, Credentials, Email, Handle, ListedAccount, Password, PasswordHash, User, Username};
