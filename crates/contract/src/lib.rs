#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod account;
mod archive;
mod conflict;
mod file;
mod folder;
mod item;
mod link;
mod listing;
mod optional;
pub mod paths;
mod person;
mod photo;
mod problem;
mod search;
mod service;
mod share;
mod time;
mod trash;
mod upload;
mod version;
mod words;

pub use account::{
    ChangePassword, DeleteUser, Login, LoginForm, PatchUser, Quota, RefreshForm, RefreshToken, Register, Session,
    Sessions, Token, User, VerifiedToken,
};
pub use archive::{ArchiveNames, ArchiveParameters, CreateArchive, CreatedArchive};
pub use conflict::{FileConflict, FolderConflict, MoveConflict};
pub use file::{CopyFile, Download, File, FileTag, FileWithDownload, GetFile, PatchFile, UrlUse};
pub use folder::{CopyFolder, CreateFolder, Folder, FolderTag, PatchFolder};
pub use item::{Item, ItemKind, ItemRef, UnknownItem};
pub use link::{CreateLink, Link, LinkAccess, LinkPassword, Linked, LinkedFolder, Links, PatchLink};
pub use listing::{FolderListing, ListParameters, PathStep, RootListing, SortBy, SortOrder};
pub use person::{Permission, Person, Role};
pub use photo::PhotoForm;
pub use problem::{Code, Conflict, ConflictItem, FieldError, Problem, QuotaState};
pub use search::{FoundItem, FoundItems, SearchParameters};
pub use service::{Health, Ready, ServiceInfo};
pub use share::{
    Access, AccessKind, AccessList, AccessVia, CreateShare, GivenShares, PageParameters, PatchShare, ReceivedShare,
    ReceivedShares, Share, ShareObjectType,
};
pub use time::Time;
pub use trash::{RestoreItem, Trash, TrashedFolder, TrashedItem};
pub use upload::{
    CompleteUpload, CreateUpload, CreatedFile, CreatedUpload, FileForm, Part, ReceivedPart, SignParts, SignedParts,
    Upload, UploadState, UploadTag, Uploads,
};
pub use version::{Version, VersionWithDownload, Versions};
