//! Each inconsistency of the database, of the store and of the search index is found and named.

use super::*;

/// Without `--deep`, a blob of the right size is not read.
fn assert_whole_but_for_bytes(server: &Server) {
    assert_eq!(verify(server, &[]).0, 0);
}

#[tokio::test]
async fn every_database_inconsistency_is_found_and_named() {
    let server = Server::start().await;
    let (ann, _) = lively(&server).await;
    let mut deepest = None;
    for level in 1..=100 {
        deepest = Some(ann.folder(&format!("level {level}"), deepest.as_deref()).await);
    }
    loosen(&server);
    assert_whole(&server);
    let (deep, street) = (node("deep.txt"), node("Straße.txt"));
    let key = server.value(&format!("SELECT blob_key FROM versions WHERE node_id = {deep}"));
    let open = server.value("SELECT blob_key FROM uploads WHERE state = 'open'");
    let photo = server.value("SELECT photo_blob FROM users WHERE username = 'ann'");
    let store = server.value(&format!("SELECT store FROM blobs WHERE key = '{key}'"));
    let (a, b, top) = (node("a"), node("b"), node("Straße.txt"));
    let root = "(SELECT n.id FROM nodes n JOIN drives d ON d.id = n.drive_id JOIN users u ON u.id = d.owner_id
        WHERE n.kind = 'root' AND u.username = 'ann')";
    let of = |name: &str| format!("(SELECT id FROM users WHERE username = '{name}')");
    let cases: Vec<(&[&str], String, String)> = vec![
        (
            &["version_without_blob"],
            format!("UPDATE versions SET blob_key = '{ABSENT_KEY}' WHERE node_id = {deep}"),
            format!("UPDATE versions SET blob_key = '{key}' WHERE node_id = {deep}"),
        ),
        (
            &["photo_without_blob"],
            format!("UPDATE users SET photo_blob = '{ABSENT_KEY}' WHERE username = 'ann'"),
            format!("UPDATE users SET photo_blob = '{photo}' WHERE username = 'ann'"),
        ),
        (
            &["upload_without_blob"],
            format!("UPDATE uploads SET blob_key = '{ABSENT_KEY}' WHERE state = 'open'"),
            format!("UPDATE uploads SET blob_key = '{open}' WHERE state = 'open'"),
        ),
        (
            &["condemned_blob_in_use"],
            format!("UPDATE blobs SET condemned_at = 5 WHERE key = '{key}'"),
            "UPDATE blobs SET condemned_at = NULL".to_owned(),
        ),
        (
            &["blob_in_other_store"],
            format!("UPDATE blobs SET store = 'elsewhere' WHERE key = '{key}'"),
            format!("UPDATE blobs SET store = '{store}'"),
        ),
        (
            &["blob_unreferenced"],
            format!("INSERT INTO blobs (key, store, created_at) VALUES ('{ABSENT_KEY}', '{store}', 5)"),
            format!("DELETE FROM blobs WHERE key = '{ABSENT_KEY}'"),
        ),
        (
            &["version_size_differs", "object_size_differs"],
            format!("UPDATE blobs SET size_bytes = size_bytes + 1 WHERE key = '{key}'"),
            format!("UPDATE blobs SET size_bytes = size_bytes - 1 WHERE key = '{key}'"),
        ),
        (
            &["version_without_file", "file_without_version"],
            format!("UPDATE versions SET node_id = {b} WHERE node_id = {deep}"),
            format!("UPDATE versions SET node_id = {deep} WHERE node_id = {b}"),
        ),
        (
            &["node_size_differs"],
            "UPDATE nodes SET size_bytes = size_bytes + 1 WHERE name = 'deep.txt'".to_owned(),
            "UPDATE nodes SET size_bytes = size_bytes - 1 WHERE name = 'deep.txt'".to_owned(),
        ),
        (
            &["sort_key_differs"],
            "UPDATE nodes SET sort_key = 'straße.txt' WHERE name = 'Straße.txt'".to_owned(),
            "UPDATE nodes SET sort_key = 'strasse.txt' WHERE name = 'Straße.txt'".to_owned(),
        ),
        (
            &["order_key_differs"],
            "UPDATE nodes SET order_key = (SELECT order_key FROM nodes WHERE name = 'deep.txt') WHERE name = 'Straße.txt'"
                .to_owned(),
            // An empty order key is valid: it is still to be computed.
            "UPDATE nodes SET order_key = substr(order_key, 1, 0) WHERE name = 'Straße.txt'".to_owned(),
        ),
        (
            &["drive_without_root"],
            "UPDATE nodes SET trashed_at = 5 WHERE kind = 'root'".to_owned(),
            "UPDATE nodes SET trashed_at = NULL".to_owned(),
        ),
        (
            &["node_without_root"],
            "UPDATE nodes SET parent_id = drive_id WHERE name = 'deep.txt'".to_owned(),
            format!("UPDATE nodes SET parent_id = {b} WHERE name = 'deep.txt'"),
        ),
        (
            &["node_without_root", "reach_too_small"],
            format!("UPDATE nodes SET parent_id = {b} WHERE name = 'a'"),
            format!("UPDATE nodes SET parent_id = {root} WHERE name = 'a'"),
        ),
        (
            &["node_in_file"],
            format!("UPDATE nodes SET parent_id = {top} WHERE name = 'deep.txt'"),
            format!("UPDATE nodes SET parent_id = {b} WHERE name = 'deep.txt'"),
        ),
        (
            &["folder_too_deep", "reach_too_small"],
            format!("UPDATE nodes SET parent_id = {} WHERE name = 'a'", node("level 100")),
            format!("UPDATE nodes SET parent_id = {root} WHERE name = 'a'"),
        ),
        (
            &["reach_too_small"],
            "UPDATE nodes SET reach = 0 WHERE name = 'a'".to_owned(),
            "UPDATE nodes SET reach = 1 WHERE name = 'a'".to_owned(),
        ),
        (
            &["name_twice"],
            "UPDATE nodes SET name = 'a', sort_key = 'a' WHERE name = 'Straße.txt'".to_owned(),
            "UPDATE nodes SET name = 'Straße.txt', sort_key = 'strasse.txt' WHERE name = 'a' AND kind = 'file'"
                .to_owned(),
        ),
        (
            &["used_bytes_differ"],
            "UPDATE drives SET used_bytes = used_bytes + 1".to_owned(),
            "UPDATE drives SET used_bytes = used_bytes - 1".to_owned(),
        ),
        (
            &["reserved_bytes_differ"],
            "UPDATE drives SET reserved_bytes = reserved_bytes + 1".to_owned(),
            "UPDATE drives SET reserved_bytes = reserved_bytes - 1".to_owned(),
        ),
        (
            &["used_entries_differ"],
            "UPDATE drives SET used_entries = used_entries + 1".to_owned(),
            "UPDATE drives SET used_entries = used_entries - 1".to_owned(),
        ),
        (
            &["used_bytes_differ", "held_without_blob"],
            format!(
                "INSERT INTO held_blobs (blob_key, drive_id, size_bytes, counter)
                SELECT '{ABSENT_KEY}', id, 1, 'used' FROM drives LIMIT 1"
            ),
            "DELETE FROM held_blobs".to_owned(),
        ),
        (
            &["upload_without_file"],
            format!("UPDATE uploads SET file_id = {a} WHERE file_id = {street}"),
            format!("UPDATE uploads SET file_id = {street} WHERE file_id = {a}"),
        ),
        (
            &["share_without_ends"],
            format!("UPDATE shares SET node_id = {root}"),
            format!("UPDATE shares SET node_id = {a}"),
        ),
        (
            &["link_without_ends"],
            format!("UPDATE links SET node_id = {root}"),
            format!("UPDATE links SET node_id = {a}"),
        ),
        (
            &["link_without_ends"],
            format!("UPDATE links SET created_by = {}", of("ben")),
            format!("UPDATE links SET created_by = {}", of("ann")),
        ),
        (
            &["upload_overdue"],
            "UPDATE uploads SET expires_at = 5 WHERE state = 'open'".to_owned(),
            "UPDATE uploads SET expires_at = 9000000000000 WHERE state = 'open'".to_owned(),
        ),
        (
            &["purge_astray"],
            "UPDATE nodes SET purge_id = id WHERE name = 'gone'".to_owned(),
            "UPDATE nodes SET purge_id = NULL WHERE name = 'gone'".to_owned(),
        ),
        (
            &["purge_astray"],
            "UPDATE nodes SET purge_id = id WHERE name = 'Straße.txt'".to_owned(),
            "UPDATE nodes SET purge_id = NULL WHERE name = 'Straße.txt'".to_owned(),
        ),
        (
            &["share_with_owner"],
            format!("UPDATE shares SET guest_id = {}", of("ann")),
            format!("UPDATE shares SET guest_id = {}", of("ben")),
        ),
    ];
    for (kinds, spoil, mend) in &cases {
        execute(&server, spoil);
        let (code, report) = verify(&server, &[]);
        let (found, subjects) = found(&report);
        let expected: BTreeSet<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        assert_eq!((code, &found), (1, &expected), "{spoil}\n{report}");
        assert!(subjects.iter().all(|subject| subject.len() >= 32), "{report}");
        execute(&server, mend);
        let (code, report) = verify(&server, &[]);
        assert_eq!(code, 0, "after {mend}\n{report}");
    }
    // The plain-text report explains each kind.
    execute(&server, "UPDATE drives SET used_bytes = used_bytes + 1");
    let output = server.storage().command(&[]).arg("verify").output().unwrap();
    let (code, out, err) = printed(output);
    assert_eq!((code, err.as_str()), (1, "clouddrive: 2 findings\n"));
    assert!(
        out.contains(
            "\nused_bytes_differ (2): A drive whose used bytes are not the sum of its versions and of former contents not \
             yet deleted.\n"
        ),
        "{out}"
    );
}

#[tokio::test]
async fn every_store_inconsistency_is_found_and_named() {
    let server = Server::start().await;
    lively(&server).await;
    let key = server.value(&format!("SELECT blob_key FROM versions WHERE node_id = {}", node("deep.txt")));
    let of_photo = server.value("SELECT photo_blob FROM users WHERE username = 'ann'");
    let only = |arguments: &[&str]| {
        let (_, report) = verify(&server, arguments);
        let (kinds, subjects) = found(&report);
        (kinds.into_iter().collect::<Vec<_>>(), subjects)
    };
    let one = |kind: &str, key: &str| (vec![kind.to_owned()], vec![key.to_owned()]);

    server.put_blob(&key, b"deep dowm");
    assert_whole_but_for_bytes(&server);
    assert_eq!(only(&["--deep"]), one("object_digest_differs", &key));
    server.put_blob(&key, b"deep");
    assert_eq!(only(&[]), one("object_size_differs", &key));
    server.remove_blob(&key);
    assert_eq!(only(&[]), one("object_missing", &key));
    server.put_blob(&key, b"deep down");
    assert_whole(&server);
    server.remove_blob(&of_photo);
    assert_eq!(only(&[]), one("object_missing", &of_photo));
    execute(&server, &format!("UPDATE users SET photo_blob = NULL; DELETE FROM blobs WHERE key = '{of_photo}'"));

    server.put_blob(ABSENT_KEY, b"of no file");
    let whole: (Vec<String>, Vec<String>) = (vec![], vec![]);
    assert_eq!(only(&[]), whole, "its row may be on its way");
    let report = verify(&server, &["--grace", "0"]).1;
    let nobodys = |finding: &&Value| finding["kind"] == "object_without_row";
    let findings: Vec<&Value> = report["findings"].as_array().unwrap().iter().filter(nobodys).collect();
    assert!(matches!(findings.as_slice(), [one] if one["subject"] == ABSENT_KEY), "{report}");
    server.remove_blob(ABSENT_KEY);
    assert_whole(&server);
}

#[tokio::test]
async fn wrong_search_entries_are_found() {
    if stack() == Stack::Production {
        // PostgreSQL maintains this index itself.
        return;
    }
    let server = Server::start().await;
    lively(&server).await;
    server.execute("INSERT INTO search_nodes (node_id) VALUES (x'00000000000000000000000000000000')");
    assert_eq!(found(&verify(&server, &[]).1).0, BTreeSet::from(["search_shows_gone".to_owned()]));
    server.execute("DELETE FROM search_nodes WHERE node_id = x'00000000000000000000000000000000'");
    assert_whole(&server);
    server.execute("DROP TRIGGER search_update; UPDATE nodes SET trashed_at = 5 WHERE name = 'deep.txt'");
    assert_eq!(found(&verify(&server, &[]).1).0, BTreeSet::from(["search_shows_gone".to_owned()]));
    server.execute("UPDATE nodes SET trashed_at = NULL; DROP TRIGGER search_insert");
    server.user("cleo").await.folder("unseen", None).await;
    assert_eq!(found(&verify(&server, &[]).1).0, BTreeSet::from(["search_lacks_node".to_owned()]));
}
