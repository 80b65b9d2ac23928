#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod account;
mod file;
mod folder;
mod item;
mod photo;
mod problem;
mod service;
mod share;
mod time;
mod upload;

pub use account::{
    ChangePassword, DeleteUser, Login, LoginForm, PatchUser, Quota, RefreshToken, Register, Session, Sessions, Token,
    User, VerifiedToken,
};
pub use file::{Download, File, FileKind, FileWithDownload, PatchFile};
pub use folder::{
    CreateFolder, Folder, FolderKind, FolderListing, ListParameters, PatchFolder, PathStep, RootListing, SortBy,
    SortOrder,
};
pub use item::{Item, ItemKind, ItemRef, Permission, Person, Role};
pub use photo::PhotoForm;
pub use problem::{Code, Conflict, ConflictItem, FieldError, Problem, QuotaState};
pub use service::{Health, Ready, ServiceInfo};
pub use share::{CreateShare, PageParameters, PatchShare, ReceivedShare, ReceivedShares, Share, ShareObjectType};
pub use time::Time;
pub use upload::{
    CompleteUpload, CreateUpload, CreatedFile, CreatedUpload, FileConflict, FileForm, Part, ReceivedPart, SignParts,
    SignedParts, Upload, UploadState,
};
