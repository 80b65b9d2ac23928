//! Streaming ZIP readers, which never seek.

use std::io::{ErrorKind, Read, Write};
use std::process::{Command, Stdio};

use zip::write::SimpleFileOptions;

use super::unpacked;
use crate::support::{ApiClient, Server, report_skipped};

/// The expected contents: paths in order, and the bytes of files.
type Tree = Vec<(String, Option<Vec<u8>>)>;

/// A ZIP with data descriptors: a reader that misses the end of the enclosing entry goes astray in it.
fn inner_zip(names: &[&str]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new_stream(Vec::new());
    for name in names {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(name.repeat(500).as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A tree with nested archives and other cases that readers stumble over.
async fn sample(ann: &ApiClient) -> (String, Tree) {
    let top = ann.folder("Überall 📷", None).await;
    let office = ann.folder("office", Some(&top)).await;
    ann.folder("empty", Some(&top)).await;
    let zip = inner_zip(&["a.txt", "b/c.txt"]);
    let files = [
        (&office, "letter.docx", inner_zip(&["[Content_Types].xml", "word/document.xml"])),
        (&office, "tool.jar", inner_zip(&["META-INF/MANIFEST.MF", "Main.class"])),
        (&top, "a.zip", zip.clone()),
        (&top, "stored twice.zip", [zip.clone(), zip].concat()),
        (&top, "empty file", Vec::new()),
        (&top, "naïve 名前.txt", "à la plage".as_bytes().to_vec()),
        (&top, "z", vec![7; 200_000]),
    ];
    let mut tree: Tree =
        ["Überall 📷/", "Überall 📷/office/", "Überall 📷/empty/"].map(|path| (path.to_owned(), None)).to_vec();
    for (parent, name, bytes) in files {
        ann.upload(name, &bytes, Some(parent)).await;
        let above = if *parent == office { "Überall 📷/office/" } else { "Überall 📷/" };
        tree.push((format!("{above}{name}"), Some(bytes)));
    }
    tree.sort();
    (top, tree)
}

/// A reader without seeking, which returns little at a time.
struct Pipe<'a>(&'a [u8]);

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let few = buffer.len().min(1_000);
        self.0.read(&mut buffer[..few])
    }
}

fn by_the_zip_crate(bytes: &[u8]) -> Tree {
    let (mut pipe, mut tree) = (Pipe(bytes), Tree::new());
    while let Some(mut entry) = zip::read::read_zipfile_from_stream(&mut pipe).unwrap() {
        let name = String::from_utf8(entry.name_raw().to_vec()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        tree.push((name, entry.is_file().then_some(bytes)));
    }
    tree.sort();
    tree
}

/// Unpacks an archive from a pipe with an external program; reports it and returns `None` if that is not installed.
fn by(program: &str, arguments: &[&str], bytes: &[u8]) -> Option<Tree> {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir.path()).env("LC_ALL", "C.UTF-8");
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            report_skipped(&format!("{program} is not installed"));
            return None;
        }
        spawned => spawned.unwrap(),
    };
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    // The program may stop reading before the end.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    let (mut tree, mut open) = (Tree::new(), vec![dir.path().to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                open.push(path);
                tree.push((format!("{name}/"), None));
            } else {
                tree.push((name, Some(std::fs::read(path).unwrap())));
            }
        }
    }
    tree.sort();
    Some(tree)
}

#[tokio::test]
async fn archives_can_be_unpacked_as_a_stream() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, tree) = sample(&ann).await;
    let path = format!("/drive/{top}/archive");
    let answer = ann.get(&path).await;
    let bytes = answer.body.clone();
    let mut whole = super::entries(&mut unpacked(answer));
    whole.sort();
    assert!(whole == tree, "who goes by the list at the end");
    assert!(by_the_zip_crate(&bytes) == tree, "the crate zip");
    for (program, arguments) in [("bsdtar", &["-x", "-f", "-"][..]), ("busybox", &["unzip", "-q", "-"])] {
        if let Some(found) = by(program, arguments, &bytes) {
            let names = |tree: &Tree| tree.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&found), names(&tree), "{program}");
            assert!(found == tree, "{program} found other bytes");
        }
    }
    // Each local header has the sizes.
    assert_eq!(bytes[6] & 8, 0, "no sizes behind the bytes");
}
