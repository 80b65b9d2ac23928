//! Every method that takes an actor demands a scope of the actor's credential, before it changes anything.

mod services;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use self::services::{BIN, SHARE, Services, cursor};
use crate::error::{Error, Forbidden, Result};
use crate::model::{
    Actor, Credential, Email, Limit, LoginIdentifier, MediaType, NodeId, NodeKind, NodePath, Password, PathStart,
    Permission, Role, Scope, Scopes, SearchText, SessionId, UploadId, VersionId,
};
use crate::service::testing::links::LINK;
use crate::service::testing::{FILE, FOLDER, OWNER, STRANGER, actor, body, unconditioned};
use crate::service::{
    ArchiveNames, CompletionOptions, ContentMetadata, CopyTarget, LinkEdit, LinkRequest, ListQuery, RelocationRequest,
    SearchQuery, Selection, StreamedFile,
};
use crate::testing::{file_info_named, name};

const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(60));
const UPLOAD: UploadId = UploadId::from_uuid(Uuid::from_u128(50));
const VERSION: VersionId = VersionId::from_uuid(Uuid::from_u128(77));

/// A call of a method by an actor.
type Act = for<'a> fn(&'a Services, &'a Actor) -> BoxFuture<'a, Result<()>>;

/// Every method that takes an actor, and the scope that it demands.
#[rustfmt::skip]
const METHODS: &[(&str, Scope, Act)] = &[
    ("AccountService::find", Scope::Read, |on, by| Box::pin(async move { on.accounts.find(by).await.map(drop) })),
    ("AccountService::change_email", Scope::Account, |on, by| Box::pin(async move {
        on.accounts.change_email(by, &Email::parse("olga@example.org").unwrap()).await.map(drop)
    })),
    ("AccountService::change_password", Scope::Account, |on, by| Box::pin(async move {
        on.accounts.change_password(by, "a quiet secret", &Password::attempt("a loud secret").unwrap()).await
    })),
    ("AccountService::delete", Scope::Account, |on, by| on.accounts.delete(by, "a quiet secret").boxed()),
    ("AccountService::list_sessions", Scope::Account, |on, by| Box::pin(async move {
        on.accounts.list_sessions(by, None, Limit::default()).await.map(drop)
    })),
    ("AccountService::end_session", Scope::Account, |on, by| on.accounts.end_session(by, SESSION).boxed()),
    ("ArchiveService::check", Scope::Read, |on, by| on.archives.check(by, &Selection::Drive).boxed()),
    ("ArchiveService::open", Scope::Read, |on, by| Box::pin(async move {
        on.archives.open(by, &Selection::Drive, ArchiveNames::Unchanged).await.map(drop)
    })),
    ("ChangeService::start", Scope::Read, |on, by| Box::pin(async move { on.changes.start(by).await.map(drop) })),
    ("ChangeService::list_own", Scope::Read, |on, by| Box::pin(async move {
        on.changes.list_own(by, cursor(), Limit::default()).await.map(drop)
    })),
    ("CopyService::copy_file", Scope::Write, |on, by| Box::pin(async move {
        on.copies.copy_file(by, FILE, CopyTarget::default(), &unconditioned()).await.map(drop)
    })),
    ("CopyService::copy_folder", Scope::Write, |on, by| Box::pin(async move {
        on.copies.copy_folder(by, FOLDER, CopyTarget::default(), &unconditioned()).await.map(drop)
    })),
    ("FileService::open", Scope::Read, |on, by| Box::pin(async move { on.files.open(by, FILE).await.map(drop) })),
    ("FileService::download", Scope::Read, |on, by| Box::pin(async move { on.files.download(by, FILE).await.map(drop) })),
    ("FileService::watch", Scope::Read, |on, by| Box::pin(async move { on.files.watch(by, FILE).await.map(drop) })),
    ("FileService::relocate", Scope::Write, |on, by| Box::pin(async move {
        on.files.relocate(by, FILE, new_name(), &unconditioned()).await.map(drop)
    })),
    ("FolderService::create", Scope::Write, |on, by| Box::pin(async move {
        on.folders.create(by, None, &name("new")).await.map(drop)
    })),
    ("FolderService::list_root", Scope::Read, |on, by| Box::pin(async move {
        on.folders.list_root(by, &ListQuery::default()).await.map(drop)
    })),
    ("FolderService::list", Scope::Read, |on, by| Box::pin(async move {
        on.folders.list(by, FOLDER, &ListQuery::default()).await.map(drop)
    })),
    ("FolderService::find_by_path", Scope::Read, |on, by| Box::pin(async move {
        let path = NodePath::new(vec![name("plan.txt")]).unwrap();
        on.folders.find_by_path(by, PathStart::OwnRoot, &path).await.map(drop)
    })),
    ("FolderService::relocate", Scope::Write, |on, by| Box::pin(async move {
        on.folders.relocate(by, FOLDER, new_name(), &unconditioned()).await.map(drop)
    })),
    ("IdempotencyService::check_repeat", Scope::Write, |on, by| Box::pin(async move {
        on.idempotency.check_repeat(by, Some((FILE, Role::View))).await
    })),
    ("LinkService::create", Scope::Write, |on, by| Box::pin(async move {
        on.links.create(by, (NodeKind::File, FILE), LinkRequest::default()).await.map(drop)
    })),
    ("LinkService::find_url", Scope::Read, |on, by| Box::pin(async move { on.links.find_url(by, LINK).await.map(drop) })),
    ("LinkService::list", Scope::Read, |on, by| Box::pin(async move {
        on.links.list(by, None, Limit::default()).await.map(drop)
    })),
    ("LinkService::change", Scope::Write, |on, by| Box::pin(async move {
        on.links.change(by, LINK, LinkEdit::default()).await.map(drop)
    })),
    ("LinkService::revoke", Scope::Write, |on, by| on.links.revoke(by, LINK).boxed()),
    ("PhotoService::set", Scope::Write, |on, by| Box::pin(async move { on.photos.set(by, Bytes::new()).await.map(drop) })),
    ("PhotoService::find", Scope::Read, |on, by| Box::pin(async move { on.photos.find(by).await.map(drop) })),
    ("PhotoService::remove", Scope::Write, |on, by| on.photos.remove(by).boxed()),
    ("SearchService::find", Scope::Read, |on, by| Box::pin(async move {
        let text = SearchText::parse("beach").ok().unwrap();
        let query = SearchQuery { text, kind: None, within: None, after: None, limit: Limit::default() };
        on.search.find(by, query).await.map(drop)
    })),
    ("ShareService::create", Scope::Write, |on, by| Box::pin(async move {
        let guest = LoginIdentifier::Username("gustav".to_owned());
        on.shares.create(by, (NodeKind::File, FILE), &guest, Permission::View).await.map(drop)
    })),
    ("ShareService::list_received", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_received(by, None, Limit::default()).await.map(drop)
    })),
    ("ShareService::list_given", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_given(by, None, Limit::default()).await.map(drop)
    })),
    ("ShareService::list_by_node", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_by_node(by, (NodeKind::File, FILE), None, Limit::default()).await.map(drop)
    })),
    ("ShareService::list_access", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_access(by, (NodeKind::File, FILE), None, Limit::default()).await.map(drop)
    })),
    ("ShareService::change", Scope::Write, |on, by| Box::pin(async move {
        on.shares.change(by, SHARE, Permission::Edit).await.map(drop)
    })),
    ("ShareService::revoke", Scope::Write, |on, by| on.shares.revoke(by, SHARE).boxed()),
    ("TrashService::put", Scope::Write, |on, by| Box::pin(async move {
        on.trash.put(by, (NodeKind::File, FILE), &unconditioned()).await
    })),
    ("TrashService::list", Scope::Read, |on, by| Box::pin(async move {
        on.trash.list(by, None, Limit::default()).await.map(drop)
    })),
    ("TrashService::list_folder", Scope::Read, |on, by| Box::pin(async move {
        on.trash.list_folder(by, BIN, &ListQuery::default()).await.map(drop)
    })),
    ("TrashService::restore", Scope::Write, |on, by| Box::pin(async move {
        on.trash.restore(by, BIN, None, &unconditioned()).await.map(drop)
    })),
    ("TrashService::purge", Scope::Write, |on, by| Box::pin(async move { on.trash.purge(by, BIN, &unconditioned()).await })),
    ("TrashService::empty", Scope::Write, |on, by| on.trash.empty(by).boxed()),
    ("UploadService::begin", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.begin(by, None, file_info_named("new"), 1).await.map(drop)
    })),
    ("UploadService::find_started", Scope::Write, |on, by| Box::pin(async move { on.uploads.find_started(by, UPLOAD).await.map(drop) })),
    ("UploadService::progress", Scope::Read, |on, by| Box::pin(async move {
        on.uploads.progress(by, UPLOAD).await.map(drop)
    })),
    ("UploadService::list", Scope::Read, |on, by| Box::pin(async move {
        on.uploads.list(by, None, Limit::default()).await.map(drop)
    })),
    ("UploadService::sign_parts", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.sign_parts(by, UPLOAD, &[1]).await.map(drop)
    })),
    ("UploadService::abort", Scope::Write, |on, by| on.uploads.abort(by, UPLOAD).boxed()),
    ("UploadService::complete", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.complete(by, UPLOAD, CompletionOptions::default()).await.map(drop)
    })),
    ("UploadService::admit", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.admit(by, None, Some(1), None).await.map(drop)
    })),
    ("UploadService::receive", Scope::Write, |on, by| Box::pin(async move {
        let permit = on.uploads.admit(&actor(OWNER), None, Some(1), None).await.ok().unwrap();
        let given = async { Ok(StreamedFile { folder: None, file: file_info_named("new"), announced: Some(1) }) };
        on.uploads.receive(by, permit, body([Ok("x")]), given).await.map(drop)
    })),
    ("VersionService::list", Scope::Read, |on, by| Box::pin(async move {
        on.versions.list(by, FILE, None, Limit::default()).await.map(drop)
    })),
    ("VersionService::download", Scope::Read, |on, by| Box::pin(async move {
        on.versions.download(by, FILE, VERSION).await.map(drop)
    })),
    ("VersionService::restore", Scope::Write, |on, by| Box::pin(async move {
        on.versions.restore(by, FILE, VERSION, &unconditioned()).await.map(drop)
    })),
    ("VersionService::delete", Scope::Write, |on, by| Box::pin(async move {
        on.versions.delete(by, FILE, VERSION, &unconditioned()).await
    })),
    ("VersionService::admit", Scope::Write, |on, by| Box::pin(async move {
        on.versions.admit(by, FILE, &unconditioned(), Some(1)).await.map(drop)
    })),
    ("VersionService::receive", Scope::Write, |on, by| Box::pin(async move {
        let permit = on.versions.admit(&actor(OWNER), FILE, &unconditioned(), Some(1)).await.ok().unwrap();
        let metadata = ContentMetadata { media_type: MediaType::octet_stream(), client_modified_at: None };
        on.versions.receive(by, permit, metadata, body([Ok("x")])).await.map(drop)
    })),
];

fn new_name() -> RelocationRequest {
    RelocationRequest { name: Some(name("new")), ..RelocationRequest::default() }
}

fn with(scopes: &[Scope]) -> Actor {
    Actor { credential: Credential::Session(SESSION), scopes: scopes.iter().copied().collect(), ..actor(OWNER) }
}

fn lacks_a_scope<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Forbidden(Forbidden::Scope(_))))
}

#[tokio::test]
async fn each_method_refuses_a_credential_without_its_scope_before_anything_is_changed() {
    for (method, demanded, act) in METHODS {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| scope != demanded).collect();
        for held in [&others[..], &[]] {
            let outcome = act(&Services::new(), &with(held)).await;
            assert!(lacks_a_scope(&outcome), "{method} with {held:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_read_only_credential_is_enough_to_read_and_for_nothing_else() {
    for (method, demanded, act) in METHODS {
        let outcome = act(&Services::new(), &with(&[Scope::Read])).await;
        assert_eq!(lacks_a_scope(&outcome), *demanded != Scope::Read, "{method}: {outcome:?}");
    }
}

#[tokio::test]
async fn invisible_nodes_are_not_found_with_any_scopes() {
    let absent = NodeId::from_uuid(Uuid::from_u128(999));
    for scopes in [Scopes::full(), [Scope::Read].into_iter().collect()] {
        let (on, by) = (Services::new(), Actor { scopes, ..actor(OWNER) });
        let outcome = on.files.relocate(&by, absent, new_name(), &unconditioned()).await;
        assert!(matches!(outcome, Err(Error::NotFound)), "{outcome:?}");
        let stranger = Actor { user: STRANGER, ..by };
        let outcome = on.trash.put(&stranger, (NodeKind::File, FILE), &unconditioned()).await;
        assert!(matches!(outcome, Err(Error::NotFound)), "{outcome:?}");
    }
}

/// The public methods of the services in `text` that take an actor.
fn methods(text: &str) -> Vec<String> {
    let (mut service, mut names) = ("", Vec::new());
    for (at, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix("impl ") {
            service = rest.split([' ', '<']).next().unwrap();
        }
        let Some(rest) = line.strip_prefix("    pub async fn ").or_else(|| line.strip_prefix("    pub fn ")) else {
            continue;
        };
        let signature: Vec<&str> = text.lines().skip(at).take_while(|line| !line.ends_with('{')).collect();
        if line.contains("actor: &Actor") || signature.iter().any(|line| line.contains("actor: &Actor")) {
            names.push(format!("{service}::{}", rest.split(['(', '<']).next().unwrap()));
        }
    }
    names
}

/// The methods of all services in `folder` and below.
fn methods_below(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            names.extend(methods_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(methods(&fs::read_to_string(&path).unwrap()));
        }
    }
    names
}

#[test]
fn the_table_has_every_method_that_takes_an_actor() {
    let found = methods_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service"));
    let listed: BTreeSet<String> = METHODS.iter().map(|(method, ..)| (*method).to_owned()).collect();
    assert_eq!(found, listed);
    assert_eq!(listed.len(), METHODS.len(), "one row each");
}
