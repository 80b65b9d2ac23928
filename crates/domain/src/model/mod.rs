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
mod time;
mod upload;
mod user;

pub use access::{Action, Grant, Located, Step, authorize, check_depth};
pub use audit::{AuditAction, AuditEvent, LoginRefusal, SharedItem};
pub use blob::{BlobKey, Expected, Length, MediaType, Sha256, StoreName, Stored, Ticket, Transfer};
pub use command::{Actor, Change, ChangeKind, Command, RequestId};
pub use id::{DriveId, Id, IdSource, NodeId, SessionId, ShareId, TokenId, UploadId, UserId, VersionId};
pub use keep_both::{KeepBoth, Round};
pub use name::{MAX_NAME_BYTES, Name, NameError};
pub use node::{Content, Entry, MAX_COPY_NODES, MAX_TREE_DEPTH, Node, NodeBody, NodeKind, PathStep, Person, Revision};
pub use page::{Limit, Order, Page, Position, SharePosition, Sort, SortBy, SortValue};
pub use quota::Quota;
pub use role::{Permission, Role};
pub use session::{AccessClaims, Identity, Session};
pub use share::{ItemRef, Share};
pub use time::Timestamp;
pub use upload::{Completion, ConflictPolicy, FileInfo, MAX_FILE_BYTES, Upload, UploadState};
pub use user::{Account, Credentials, Email, Handle, Password, PasswordHash, User, Username};
