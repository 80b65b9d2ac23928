#!/usr/bin/env bash
# @hey-api/openapi-ts 0.99.0 with its fetch client: a response that the document describes as binary is typed `Blob | File`, but
# what arrives depends on the Content-Type of the answer. A text file arrives as a string, a JSON file as an object; only other
# types arrive as a Blob. With `parseAs: "blob"` all do.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --ignore-scripts --no-audit --no-fund @hey-api/openapi-ts@0.99.0 typescript@5.9.3 @types/node@20.19.43
cat >openapi.json <<'JSON'
{"openapi": "3.1.0", "info": {"title": "bytes", "version": "1"}, "paths": {"/{name}": {"get": {"operationId": "download",
  "parameters": [{"name": "name", "in": "path", "required": true, "schema": {"type": "string"}}], "responses": {"200":
  {"description": "a file", "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}}}}}
JSON
npx openapi-ts --input openapi.json --output client --client @hey-api/client-fetch --no-log-file >/dev/null
echo "@hey-api/openapi-ts $(node -p 'require("@hey-api/openapi-ts/package.json").version'); the type of the answer:"
grep -m 1 "200: " client/types.gen.ts
grep -q '200: Blob | File' client/types.gen.ts
cat >try.ts <<'TS'
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { download } from "./client";
import { createClient } from "./client/client";
const types: Record<string, string> = { "/a.bin": "application/octet-stream", "/a.txt": "text/plain", "/a.json": "application/json" };
const server = createServer((request, response) => {
  response.setHeader("Content-Type", types[request.url ?? ""] ?? "");
  response.end("[1]");
});
server.listen(0, "127.0.0.1", async () => {
  const client = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  for (const name of ["a.bin", "a.txt", "a.json"]) {
    const typed: Blob | File | undefined = (await download({ client, path: { name } })).data;
    const asked = (await download({ client, path: { name }, parseAs: "blob" })).data;
    console.log(`${name}: ${typed?.constructor.name}; with parseAs "blob": ${asked?.constructor.name}`);
  }
  server.close();
});
TS
npx tsc --strict --target es2022 --lib es2022,dom,dom.iterable --module node16 --moduleResolution node16 --types node --outDir out try.ts
node out/try.js | tee observed
printf '%s\n' 'a.bin: Blob; with parseAs "blob": Blob' 'a.txt: String; with parseAs "blob": Blob' \
  'a.json: Array; with parseAs "blob": Blob' | diff - observed
