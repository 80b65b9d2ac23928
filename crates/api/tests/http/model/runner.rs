//! Runs a story against the reference and the server, and compares them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::operation::{Operation, OperationKind, PEOPLE, Pick};
use super::reference::{Conflict, Content, Kind, NodeNo, Reference, Rejection, Role, UserIndex};
use crate::support::{ApiClient, ApiResponse, Server, text, unique_name};

/// A description of what differs.
pub type Difference = String;

pub struct Runner {
    reference: Reference,
    people: Vec<ApiClient>,
    names: Vec<String>,
    /// Server identifiers, indexed by reference number.
    nodes: Vec<String>,
    shares: Vec<String>,
    versions: BTreeMap<usize, String>,
}

impl Runner {
    /// Registers a few people.
    pub async fn new(server: &Server, reference: Reference) -> Self {
        let names: Vec<String> = (0..PEOPLE).map(|_| unique_name("p")).collect();
        let people = join_all(names.iter().map(|name| server.user(name))).await;
        let (nodes, shares, versions) = Default::default();
        Self { reference, people, names, nodes, shares, versions }
    }

    pub async fn run(&mut self, story: &[Operation]) -> Result<(), Difference> {
        for (turn, operation) in story.iter().enumerate() {
            let outcome = self.step(operation).await;
            outcome.map_err(|difference| format!("in turn {turn}, {operation:?}: {difference}"))?;
        }
        self.compare().await.map_err(|difference| format!("in the end: {difference}"))
    }

    fn node(&self, pick: Pick) -> Option<NodeNo> {
        let count = self.nodes.len();
        (count > 0).then(|| count - 1 - pick % count)
    }

    fn folder(&self, pick: Option<Pick>) -> Option<NodeNo> {
        pick.and_then(|pick| self.node(pick))
    }

    fn id(&self, node: Option<NodeNo>) -> Option<&str> {
        node.map(|node| self.nodes[node].as_str())
    }

    fn kind(&self, node: NodeNo) -> Kind {
        self.reference.nodes[node].kind
    }

    /// The path of a node, such as `/file/…`.
    fn path(&self, node: NodeNo) -> String {
        format!("/{}/{}", path_segment(self.kind(node)), self.nodes[node])
    }

    /// Performs the operation on both. It is skipped if the node it needs does not exist yet.
    async fn step(&mut self, Operation { who, what }: &Operation) -> Result<(), Difference> {
        let who = *who;
        match what {
            OperationKind::CreateFolder { folder, name } => {
                let folder = self.folder(*folder);
                let body = json!({"folder_name": name, "parent_folder_id": self.id(folder)});
                let answer = self.people[who].post("/drive", body).await;
                let expected = self.reference.create_folder(who, folder, name);
                self.judge_node(who, expected, answer)
            }
            OperationKind::Upload { folder, name, content, conflict } => {
                let folder = self.folder(*folder);
                let mut fields = vec![("file_conflict", conflict_word(*conflict))];
                fields.extend(self.id(folder).map(|id| ("parent_folder_id", id)));
                let answer = self.people[who].send_form(&fields, name, &bytes(*content)).await;
                let expected = self.reference.upload(who, folder, name, *content, *conflict);
                self.judge_node(who, expected, answer)
            }
            OperationKind::PutContent { node, content } => {
                let Some(node) = self.node(*node).filter(|node| self.kind(*node) == Kind::File) else { return Ok(()) };
                let request = self.people[who].request(Method::PUT, &format!("{}/content", self.path(node)));
                let answer = self.people[who].send(request.body(bytes(*content))).await;
                let expected = self.reference.put_content(who, node, *content);
                self.judge_node(who, expected, answer)
            }
            OperationKind::Move { node, name, to, conflict } => {
                let Some(node) = self.node(*node) else { return Ok(()) };
                let (kind, to) = (self.kind(node), to.map(|to| self.folder(to)));
                let mut body = json!({});
                body[format!("{}_conflict", word(kind))] = json!(conflict_word(*conflict));
                if let Some(name) = name {
                    body[format!("{}_name", word(kind))] = json!(name);
                }
                if let Some(to) = to {
                    body["parent_folder_id"] = json!(self.id(to));
                }
                let answer = self.people[who].patch(&self.path(node), body).await;
                let expected = self.reference.move_node(who, kind, node, *name, to, *conflict);
                self.judge_node(who, expected, answer)
            }
            OperationKind::Copy { node, to, name, conflict } => {
                let Some(node) = self.node(*node) else { return Ok(()) };
                let (kind, to) = (self.kind(node), self.folder(*to));
                // Folders cannot be replaced.
                let conflict = match (kind, conflict) {
                    (Kind::Folder, Conflict::Replace) => Conflict::Keep,
                    (_, conflict) => *conflict,
                };
                let mut body = json!({"parent_folder_id": self.id(to)});
                body[format!("{}_conflict", word(kind))] = json!(conflict_word(conflict));
                if let Some(name) = name {
                    body[format!("{}_name", word(kind))] = json!(name);
                }
                let answer = self.people[who].post(&format!("{}/copy", self.path(node)), body).await;
                let before = self.reference.nodes.len();
                let expected = self.reference.copy(who, kind, node, to, *name, conflict);
                self.judge_node(who, expected, answer)?;
                if expected.is_ok() && kind == Kind::Folder {
                    self.learn_copies(who, before).await?;
                }
                Ok(())
            }
            OperationKind::Trash { node } => {
                let Some(node) = self.node(*node) else { return Ok(()) };
                let answer = self.people[who].delete(&self.path(node)).await;
                let expected = self.reference.trash_node(who, self.kind(node), node);
                judge(expected, &answer)
            }
            OperationKind::Restore { node, to } => {
                let Some(node) = self.node(*node) else { return Ok(()) };
                let to = to.map(|to| self.folder(to));
                let body = to.map_or_else(|| json!({}), |to| json!({"parent_folder_id": self.id(to)}));
                let answer = self.people[who].post(&format!("/trash/{}/restore", self.nodes[node]), body).await;
                let expected = self.reference.restore(who, node, to);
                self.judge_node(who, expected, answer)
            }
            OperationKind::Purge { node } => {
                let Some(node) = self.node(*node) else { return Ok(()) };
                let answer = self.people[who].delete(&format!("/trash/{}", self.nodes[node])).await;
                judge(self.reference.purge(who, node), &answer)
            }
            OperationKind::EmptyTrash => {
                let answer = self.people[who].delete("/trash").await;
                self.reference.empty_trash(who);
                judge(Ok(()), &answer)
            }
            OperationKind::RestoreVersion { node, version } => {
                let Some((node, version, path)) = self.version(*node, *version) else { return Ok(()) };
                let request = self.people[who].request(Method::POST, &format!("{path}/restore"));
                let answer = self.people[who].send(request).await;
                let expected = self.reference.restore_version(who, node, version);
                self.judge_node(who, expected, answer)
            }
            OperationKind::DeleteVersion { node, version } => {
                let Some((node, version, path)) = self.version(*node, *version) else { return Ok(()) };
                let answer = self.people[who].delete(&path).await;
                judge(self.reference.delete_version(who, node, version), &answer)
            }
            OperationKind::Share { node, guest, role } => {
                let Some(node) = self.node(*node) else { return Ok(()) };
                let kind = self.kind(node);
                let mut body = json!({"username": self.names[*guest], "permission": role_word(*role)});
                body["share_object_type"] = json!(word(kind));
                body[format!("{}_id", word(kind))] = json!(self.nodes[node]);
                let answer = self.people[who].post("/share", body).await;
                let expected = self.reference.share(who, kind, node, *guest, *role);
                judge(expected.map(drop), &answer)?;
                if expected.is_ok() {
                    self.shares.push(text(&answer.json()["id"]));
                }
                Ok(())
            }
            OperationKind::ChangeShare { share, role } => {
                let Some(share) = self.share(*share) else { return Ok(()) };
                let body = json!({"permission": role_word(*role)});
                let answer = self.people[who].patch(&format!("/share/{}", self.shares[share]), body).await;
                judge(self.reference.change_share(who, share, *role), &answer)
            }
            OperationKind::EndShare { share } => {
                let Some(share) = self.share(*share) else { return Ok(()) };
                let answer = self.people[who].delete(&format!("/share/{}", self.shares[share])).await;
                judge(self.reference.end_share(who, share), &answer)
            }
        }
    }

    fn share(&self, pick: Pick) -> Option<usize> {
        let count = self.shares.len();
        (count > 0).then(|| count - 1 - pick % count)
    }

    /// Any file's version, addressed as a version of the file `node`.
    fn version(&self, node: Pick, pick: Pick) -> Option<(NodeNo, usize, String)> {
        let node = self.node(node).filter(|node| self.kind(*node) == Kind::File)?;
        let (number, id) = self.versions.iter().rev().nth(pick % self.versions.len().max(1))?;
        Some((node, *number, format!("{}/version/{id}", self.path(node))))
    }

    /// Compares the result of an operation that returns a file or folder with the reference.
    fn judge_node(
        &mut self,
        who: UserIndex,
        expected: Result<NodeNo, Rejection>,
        answer: ApiResponse,
    ) -> Result<(), Difference> {
        judge(expected.map(drop), &answer)?;
        let Ok(node) = expected else { return Ok(()) };
        let found = answer.json();
        if node == self.nodes.len() {
            self.nodes.push(text(&found["id"]));
        }
        self.learn_version(node, &found);
        self.same(who, node, &found)
    }

    fn learn_version(&mut self, node: NodeNo, found: &Value) {
        if let Some((number, _)) = self.reference.nodes[node].versions.last() {
            self.versions.insert(*number, text(&found["version_id"]));
        }
    }

    /// Records the server's identifiers of the descendants of the copied folder `first`, matched by parent and name.
    async fn learn_copies(&mut self, who: UserIndex, first: NodeNo) -> Result<(), Difference> {
        for number in first + 1..self.reference.nodes.len() {
            let parent = self.reference.nodes[number].parent.map(|parent| self.nodes[parent].clone()).unwrap();
            let listed = self.people[who].get(&format!("/drive/{parent}?limit=1000")).await.ok();
            let name = &self.reference.nodes[number].name;
            let found = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == **name);
            let found = found.ok_or_else(|| format!("{name} was not copied: {listed}"))?;
            self.nodes.push(text(&found["id"]));
            self.learn_version(number, found);
        }
        Ok(())
    }

    /// Checks that the server shows `who` the same node as the reference.
    fn same(&self, who: UserIndex, node: NodeNo, found: &Value) -> Result<(), Difference> {
        let it = &self.reference.nodes[node];
        let parent = self.id(self.reference.shown_parent(who, node));
        let mut expected = json!({
            "kind": word(it.kind), "id": self.nodes[node], "name": it.name, "parent_folder_id": parent,
            "owner": self.names[it.owner], "created_by": self.names[it.maker],
            "permission": self.reference.role(who, node).map(role_word),
        });
        let mut seen = json!({
            "kind": found["kind"], "id": found["id"], "name": found["name"], "parent_folder_id": found["parent_folder_id"],
            "owner": found["owner"]["username"], "created_by": found["created_by"]["username"],
            "permission": found["permission"],
        });
        if let Some((number, stored)) = it.versions.last() {
            expected["size"] = json!(stored.content.size);
            seen["size"] = found["size_in_bytes"].clone();
            expected["version"] = json!(self.versions.get(number));
            seen["version"] = found["version_id"].clone();
        }
        if expected == seen { Ok(()) } else { Err(format!("expected {expected}, found {seen}")) }
    }

    /// Compares everything that each person sees with the reference.
    async fn compare(&self) -> Result<(), Difference> {
        for who in 0..PEOPLE {
            self.compare_tree(who).await?;
            self.compare_lists(who).await?;
        }
        Ok(())
    }

    /// The person's whole tree, including file contents.
    async fn compare_tree(&self, who: UserIndex) -> Result<(), Difference> {
        let caller = &self.people[who];
        let mut folders = vec![None];
        while let Some(folder) = folders.pop() {
            let path = folder.map_or_else(|| "/drive".to_owned(), |folder| self.path(folder));
            let listed = caller.get(&format!("{path}?limit=1000")).await.ok();
            let children = self.reference.children(who, folder);
            let items = listed["items"].as_array().unwrap();
            let mut names: Vec<&str> = children.iter().map(|node| self.reference.nodes[*node].name.as_str()).collect();
            // Names that differ only in case: lower case first.
            names
                .sort_by_key(|name| (name.to_lowercase(), name.chars().map(|c| !c.is_lowercase()).collect::<Vec<_>>()));
            let found: Vec<&str> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
            if names != found {
                return Err(format!("in {path} of {who}: expected {names:?}, found {found:?}"));
            }
            for node in children {
                let item = items.iter().find(|item| item["id"] == *self.nodes[node]);
                let item = item.ok_or_else(|| format!("{} of {who} is not listed", self.path(node)))?;
                self.same(who, node, item)?;
                match self.kind(node) {
                    Kind::Folder => folders.push(Some(node)),
                    Kind::File => self.compare_bytes(caller, node).await?,
                }
            }
        }
        Ok(())
    }

    async fn compare_bytes(&self, caller: &ApiClient, file: NodeNo) -> Result<(), Difference> {
        let versions = &self.reference.nodes[file].versions;
        let read = caller.fetch(&format!("{}/content", self.path(file)), &[]).await;
        if read.body != bytes(versions.last().unwrap().1.content) {
            return Err(format!("{} reads as something else", self.path(file)));
        }
        let listed = caller.get(&format!("{}/version?limit=1000", self.path(file))).await.ok();
        let found: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["version_id"]).collect();
        let expected: Vec<Option<&String>> =
            versions.iter().rev().map(|(number, _)| self.versions.get(number)).collect();
        if json!(expected) == json!(found) {
            Ok(())
        } else {
            Err(format!("versions: expected {expected:?}, found {found:?}"))
        }
    }

    /// Quota, received shares and trash.
    async fn compare_lists(&self, who: UserIndex) -> Result<(), Difference> {
        let caller = &self.people[who];
        let (used, expected) = (caller.quota().await["used_bytes"].clone(), self.reference.used(who));
        if used != expected {
            return Err(format!("{who} uses {expected} bytes, and {used} are charged"));
        }
        let listed = caller.get("/shared-with-me?limit=1000").await.ok();
        let received: BTreeSet<(String, String)> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (text(&row["item"]["id"]), text(&row["item"]["permission"])))
            .collect();
        let expected: BTreeSet<(String, String)> = self
            .reference
            .received(who)
            .into_iter()
            .map(|(node, role)| (self.nodes[node].clone(), role_word(role).to_owned()))
            .collect();
        if received != expected {
            return Err(format!("shared with {who}: expected {expected:?}, found {received:?}"));
        }
        let listed = caller.get("/trash?limit=1000").await.ok();
        let trash: BTreeSet<String> =
            listed["items"].as_array().unwrap().iter().map(|row| text(&row["item"]["id"])).collect();
        let expected: BTreeSet<String> =
            self.reference.trash(who).into_iter().map(|node| self.nodes[node].clone()).collect();
        if trash == expected {
            Ok(())
        } else {
            Err(format!("the trash of {who}: expected {expected:?}, found {trash:?}"))
        }
    }
}

/// Checks that the server returns the same success or refusal as the reference.
fn judge(expected: Result<(), Rejection>, answer: &ApiResponse) -> Result<(), Difference> {
    let fine = match expected {
        Ok(()) => (200..300).contains(&answer.status),
        Err((status, code)) => answer.status == status && answer.json()["code"] == code,
    };
    if fine { Ok(()) } else { Err(format!("expected {expected:?}, found {}: {}", answer.status, answer.text())) }
}

fn bytes(content: Content) -> Vec<u8> {
    vec![content.byte; usize::try_from(content.size).unwrap()]
}

const fn path_segment(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Folder => "drive",
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::View => "view",
        Role::Edit => "edit",
        Role::Owner => "owner",
    }
}

const fn conflict_word(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::Fail => "fail",
        Conflict::Replace => "Replace",
        Conflict::Keep => "Keep",
    }
}
