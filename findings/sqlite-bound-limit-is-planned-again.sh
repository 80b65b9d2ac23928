#!/usr/bin/env bash
# SQLite 3.53.2 (rusqlite 0.40.1, bundled): a prepared statement with `LIMIT ?` is prepared again by the first step after each binding
# of that parameter, even of the same value, without STAT4 data or LIKE. The documentation of sqlite3_prepare_v2 mentions parameters
# of the WHERE clause only. `LIMIT +?`, or the query planner stability guarantee (QPSG), avoids it; 3.46.0 does not do it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset LIBSQLITE3_FLAGS
mkdir src
cat >src/main.rs <<'RUST'
use rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
use rusqlite::{Connection, StatementStatus};

fn main() {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch("CREATE TABLE notes (id INTEGER PRIMARY KEY)").unwrap();
    let count = |what: &str, query: &str| {
        let mut statement = database.prepare(query).unwrap();
        for _ in 0..100 {
            assert!(statement.query([10]).unwrap().next().unwrap().is_none());
        }
        println!("{what}: prepared again {} times in 100 runs", statement.get_status(StatementStatus::RePrepare));
    };
    println!("SQLite {}", rusqlite::version());
    count("WHERE id = ?", "SELECT id FROM notes WHERE id = ?");
    count("LIMIT ?", "SELECT id FROM notes LIMIT ?");
    count("LIMIT +?", "SELECT id FROM notes LIMIT +?");
    database.set_db_config(SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    count("LIMIT ?, QPSG", "SELECT id FROM notes LIMIT ?");
}
RUST
for versions in '0.32.1 0.30.1' '0.40.1 0.38.2'; do
  read -r rusqlite sys <<<"$versions"
  rm -f Cargo.lock
  cat >Cargo.toml <<TOML
[package]
name = "limits"
version = "0.0.0"
edition = "2021"
[dependencies]
rusqlite = { version = "=$rusqlite", features = ["bundled"] }
libsqlite3-sys = "=$sys"
TOML
  CARGO_TARGET_DIR=$work/target cargo run --quiet
done | tee observed
diff - observed <<'EXPECTED'
SQLite 3.46.0
WHERE id = ?: prepared again 0 times in 100 runs
LIMIT ?: prepared again 0 times in 100 runs
LIMIT +?: prepared again 0 times in 100 runs
LIMIT ?, QPSG: prepared again 0 times in 100 runs
SQLite 3.53.2
WHERE id = ?: prepared again 0 times in 100 runs
LIMIT ?: prepared again 100 times in 100 runs
LIMIT +?: prepared again 0 times in 100 runs
LIMIT ?, QPSG: prepared again 0 times in 100 runs
EXPECTED
