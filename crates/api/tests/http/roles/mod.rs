//! Authorisation: every endpoint that acts on an item, called in every role.

mod alike;
mod files;
mod folders;
mod links;
mod scopes;
mod shares;
mod uploads;

use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use crate::support::{ABSENT, ApiClient, ApiResponse, Server, text};
use crate::tokens::{SECRET, claims_of, sign};

/// The callers, in the order of the columns of every table here.
const PEOPLE: [Person; 9] = [
    Person::Owner,
    Person::InheritedEditor,
    Person::DirectEditor,
    Person::InheritedViewer,
    Person::DirectViewer,
    Person::Stranger,
    Person::Anonymous,
    Person::RevokedGuest,
    Person::ReadOnlyOwner,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Person {
    Owner,
    /// By a share on the parent folder.
    InheritedEditor,
    /// By a share on the item itself.
    DirectEditor,
    InheritedViewer,
    DirectViewer,
    Stranger,
    Anonymous,
    /// Formerly an editor of both.
    RevokedGuest,
    /// The owner, with a token whose only scope is `read`.
    ReadOnlyOwner,
}

/// The kind of item that a table covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Folder,
    File,
}

/// Ann's folder `top` with the item: the folder `folder` with `plan.txt`, or the file `note.txt`.
struct Fixture {
    ann: ApiClient,
    /// The caller's name.
    name: String,
    top: String,
    folder: String,
    file: String,
    /// Another guest, who may edit `top`, and their share on the item.
    fellow: ApiClient,
    fellows_share: String,
    /// Ann's public link to the item.
    link: String,
    /// What was recorded before the item was gone.
    kept: Option<PriorState>,
}

/// Identifiers recorded before the item was gone.
#[derive(Clone)]
struct PriorState {
    former_version: String,
    current_version: String,
    /// The fellow's upload, whose bytes have arrived.
    upload: String,
}

/// Ways in which an item becomes invisible to everyone.
#[derive(Clone, Copy, Debug)]
enum Removal {
    Trashed,
    BelowSomethingTrashed,
    Purged,
}

/// A request.
type Act = for<'a> fn(&'a ApiClient, &'a Fixture) -> BoxFuture<'a, ApiResponse>;

/// A request, and its expected status for each of [`PEOPLE`].
#[derive(Clone, Copy)]
struct Row {
    /// The operation ID in the OpenAPI document, which `act` calls; optionally with a comma and a description.
    what: &'static str,
    act: Act,
    expected: [u16; 9],
}

const fn row(what: &'static str, expected: [u16; 9], act: Act) -> Row {
    Row { what, act, expected }
}

impl Row {
    fn operation(&self) -> &'static str {
        self.what.split(',').next().unwrap()
    }

    /// The problem in an answer that refuses the request, unless it is to a HEAD and has no body.
    fn problem(&self, answer: &ApiResponse) -> Option<Value> {
        (!self.operation().starts_with("head_")).then(|| answer.json())
    }
}

/// All tables.
const TABLES: [(Item, &[Row]); 6] = [
    (Item::File, files::TABLE),
    (Item::Folder, folders::TABLE),
    (Item::Folder, uploads::TABLE),
    (Item::Folder, shares::OF_A_FOLDER),
    (Item::File, shares::OF_A_FILE),
    (Item::File, links::TABLE),
];

/// Authenticated operations that act only on the caller's own account and drive.
const OF_THE_CALLER: &[&str] = &[
    "verify_token",
    "get_user",
    "patch_user",
    "change_password",
    "delete_user",
    "list_sessions",
    "end_session",
    "list_root",
    "list_received_shares",
    "list_trash",
    "empty_trash",
    "list_given_shares",
    "list_links",
    "list_uploads",
    "get_profile_photo",
    "set_profile_photo",
    "delete_profile_photo",
];

#[tokio::test]
async fn every_operation_has_a_row() {
    let server = Server::start().await;
    let document = server.anonymous().get("/openapi.json").await.ok();
    let rows = TABLES.iter().flat_map(|(_, rows)| *rows);
    let covered: Vec<&str> = rows.map(Row::operation).collect();
    let paths = document["paths"].as_object().unwrap().values();
    for operation in paths.flat_map(|path| path.as_object().unwrap().values()).filter(|part| part.is_object()) {
        let id = operation["operationId"].as_str().unwrap();
        let open_to_all = operation["security"] == serde_json::json!([]);
        assert!(open_to_all || OF_THE_CALLER.contains(&id) || covered.contains(&id), "{id} has no row");
    }
}

struct Participants {
    ann: ApiClient,
    fellow: ApiClient,
}

/// Checks every row of the table, each in a fresh scene, and again after the item is gone.
async fn hold(item: Item, rows: &[Row]) {
    let server = Server::with(&[("SECRET_KEY", SECRET)]).await;
    let (ann, fellow) = (server.user("ann").await, server.user("fellow").await);
    let people = join_all(PEOPLE.map(|person| {
        let (server, ann) = (&server, &ann);
        async move {
            match person {
                Person::Owner => ann.clone(),
                Person::Anonymous => server.anonymous(),
                Person::ReadOnlyOwner => read_only(server, ann),
                guest => server.user(&name_of(guest)).await,
            }
        }
    }))
    .await;
    let participants = Participants { ann, fellow };
    for row in rows {
        let cells = PEOPLE.iter().zip(&people).zip(row.expected);
        join_all(cells.map(|((person, caller), expected)| participants.check(item, row, *person, caller, expected)))
            .await;
    }
    for removal in [Removal::Trashed, Removal::BelowSomethingTrashed, Removal::Purged] {
        let people = PEOPLE.iter().zip(&people);
        join_all(people.map(|(person, caller)| participants.check_gone(item, rows, *person, caller, removal))).await;
    }
}

/// The caller with a token whose only scope is `read`; the server has the [`SECRET`].
fn read_only(server: &Server, caller: &ApiClient) -> ApiClient {
    let mut claims = claims_of(caller);
    claims["scope"] = json!("read");
    server.with_token(&sign(&claims))
}

fn name_of(person: Person) -> String {
    match person {
        Person::Owner | Person::ReadOnlyOwner => "ann".to_owned(),
        other => format!("{other:?}"),
    }
}

impl Participants {
    async fn check(&self, item: Item, row: &Row, person: Person, caller: &ApiClient, expected: u16) {
        let scene = self.fixture(item, person, &format!("{} as {person:?}", row.what)).await;
        let answer = caller.calling(row.operation(), async |caller| (row.act)(caller, &scene).await).await;
        let whose = format!("{} as {person:?}: {}", row.what, answer.text());
        assert_eq!(answer.status, expected, "{whose}");
        let code = match expected {
            401 => "unauthenticated",
            403 => "permission_denied",
            404 => "not_found",
            _ => return,
        };
        let Some(problem) = row.problem(&answer) else {
            return;
        };
        assert_eq!(problem["code"], code, "{whose}");
        if expected == 404 {
            let absent = (row.act)(caller, &scene.of_what_is_absent()).await;
            assert_eq!(without_request(problem), without_request(absent.json()), "{whose}");
        }
    }

    /// Checks that a missing item is indistinguishable from one that never existed. Skips rows that use the trash
    /// themselves.
    async fn check_gone(&self, item: Item, rows: &[Row], person: Person, caller: &ApiClient, removal: Removal) {
        let mut scene = self.fixture(item, person, &format!("{removal:?} {item:?} as {person:?}")).await;
        scene.kept = Some(PriorState {
            former_version: scene.former_version().await,
            current_version: scene.current_version().await,
            upload: uploads::fellows(&scene).await,
        });
        scene.meet(item, removal).await;
        let uses_trash =
            |row: &Row| ["restore_item", "purge_item"].contains(&row.operation()) || row.what.contains("trash");
        for row in rows.iter().filter(|row| !uses_trash(row)) {
            let answer = (row.act)(caller, &scene).await;
            let expected = match person {
                Person::Anonymous => 401,
                // The item that was to be moved into it is visible, and the token may not move it.
                Person::ReadOnlyOwner if row.what.starts_with("patch") && row.what.contains("into it") => 403,
                _ => 404,
            };
            assert_eq!(answer.status, expected, "{removal:?}: {} as {person:?}: {}", row.what, answer.text());
            if let Some(problem) = row.problem(&answer).filter(|_| expected == 404) {
                let absent = (row.act)(caller, &scene.of_what_is_absent()).await;
                assert_eq!(without_request(problem), without_request(absent.json()), "{removal:?}: {}", row.what);
            }
        }
    }

    /// A scene for one request by one person.
    async fn fixture(&self, item: Item, person: Person, name: &str) -> Fixture {
        let ann = self.ann.clone();
        let top = ann.folder(name, None).await;
        let folder = ann.folder("folder", Some(&top)).await;
        let file = match item {
            Item::Folder => made(&ann, "plan.txt", &folder).await,
            Item::File => made(&ann, "note.txt", &top).await,
        };
        let guest = name_of(person);
        let share = async |on_item: bool, guest: &str, permission: &str| match (on_item, item) {
            (false, _) => ann.share_folder(&top, guest, permission).await,
            (true, Item::Folder) => ann.share_folder(&folder, guest, permission).await,
            (true, Item::File) => ann.share_file(&file, guest, permission).await,
        };
        match person {
            Person::Owner | Person::ReadOnlyOwner | Person::Stranger | Person::Anonymous => {}
            Person::InheritedEditor => drop(share(false, &guest, "edit").await),
            Person::DirectEditor => drop(share(true, &guest, "edit").await),
            Person::InheritedViewer => drop(share(false, &guest, "view").await),
            Person::DirectViewer => drop(share(true, &guest, "view").await),
            Person::RevokedGuest => {
                for share in [share(false, &guest, "edit").await, share(true, &guest, "edit").await] {
                    ann.delete(&format!("/share/{share}")).await.ok_empty();
                }
            }
        }
        share(false, "fellow", "edit").await;
        let fellows_share = share(true, "fellow", "view").await;
        let linked = match item {
            Item::Folder => json!({"share_object_type": "folder", "folder_id": folder}),
            Item::File => json!({"share_object_type": "file", "file_id": file}),
        };
        let link = text(&ann.post("/link", linked).await.ok()["id"]);
        Fixture { ann, name: guest, top, folder, file, fellow: self.fellow.clone(), fellows_share, link, kept: None }
    }
}

/// Creates a file by a form, in one request.
async fn made(user: &ApiClient, name: &str, parent: &str) -> String {
    text(&user.send_form(&[("parent_folder_id", parent)], name, b"some words").await.ok()["id"])
}

fn without_request(mut problem: Value) -> Value {
    problem.as_object_mut().unwrap().remove("request_id").unwrap();
    problem
}

impl Fixture {
    /// The same scene with identifiers that do not exist.
    fn of_what_is_absent(&self) -> Self {
        let absent = || ABSENT.to_owned();
        Self {
            ann: self.ann.clone(),
            name: self.name.clone(),
            top: absent(),
            folder: absent(),
            file: absent(),
            fellow: self.fellow.clone(),
            fellows_share: absent(),
            link: absent(),
            kept: None,
        }
    }

    /// Applies a fate to the item.
    async fn meet(&self, item: Item, removal: Removal) {
        let (path, id) = match item {
            Item::Folder => (self.at_folder(), &self.folder),
            Item::File => (self.at_file(), &self.file),
        };
        match removal {
            Removal::Trashed => self.ann.delete(&path).await.ok_empty(),
            Removal::BelowSomethingTrashed => self.ann.delete(&format!("/drive/{}", self.top)).await.ok_empty(),
            Removal::Purged => {
                self.ann.delete(&path).await.ok_empty();
                self.ann.delete(&format!("/trash/{id}")).await.ok_empty();
            }
        }
    }

    /// Trashes the item as its owner; returns its path in the trash.
    async fn in_trash(&self, item: &str) -> String {
        if self.top != ABSENT {
            self.ann.delete(item).await.ok_empty();
        }
        format!("/trash/{}", item.rsplit('/').next().unwrap())
    }

    /// Replaces the file as its owner; returns the path of the old version.
    async fn former_version(&self) -> String {
        if let Some(kept) = &self.kept {
            return kept.former_version.clone();
        }
        if self.top == ABSENT {
            return format!("{}/version/{ABSENT}", self.at_file());
        }
        let current = self.current_version().await;
        self.ann.put_content(&self.file, b"others", &[]).await.ok();
        current
    }

    /// The path of the current version.
    async fn current_version(&self) -> String {
        if let Some(kept) = &self.kept {
            return kept.current_version.clone();
        }
        if self.top == ABSENT {
            return format!("{}/version/{ABSENT}", self.at_file());
        }
        let file = self.ann.get(&self.at_file()).await.ok();
        format!("{}/version/{}", self.at_file(), text(&file["version_id"]))
    }

    fn at_folder(&self) -> String {
        format!("/drive/{}", self.folder)
    }

    fn at_file(&self) -> String {
        format!("/file/{}", self.file)
    }
}
