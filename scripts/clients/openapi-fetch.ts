// The walk through the API with openapi-typescript and openapi-fetch.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { paths as plainPaths } from "./plain-schema";
import { api, bytes, fresh, ok, password, picture, putPart, sameBytes } from "./walk";

/** A form of an object with a field for each value. */
function form(body: object): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.append(name, value instanceof Blob ? value : String(value));
  return form;
}

/** Bytes as they are. */
const raw = {
  bodySerializer: (body: Blob) => body,
  headers: { "Content-Type": "application/octet-stream" },
};

async function user(name: string): Promise<string> {
  const anonymous = createClient<paths>({ baseUrl: api });
  ok(await anonymous.POST("/user", { body: { username: name, email: `${name}@example.com`, password } }));
  // By this header the library serializes the body as a form.
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const body = { grant_type: "password", username: name, password };
  const token = ok(await anonymous.POST("/login", { headers, body }));
  return token.access_token;
}

async function main(): Promise<void> {
  const [ann, ben] = [fresh("ann"), fresh("ben")];
  const client = (token: string) =>
    createClient<paths>({ baseUrl: api, headers: { Authorization: `Bearer ${token}` } });
  const annToken = await user(ann);
  const asAnn = client(annToken);
  const asBen = client(await user(ben));

  const folder = ok(await asAnn.POST("/drive", { body: { folder_name: "Letters" } }));

  const letter = ok(
    await asAnn.POST("/file", {
      body: { parent_folder_id: folder.id, file_conflict: "Replace", file: new File([bytes], "letter.bin") },
      bodySerializer: form,
    }),
  );
  assert.ok(letter.kind === "file");
  assert.equal(letter.size_in_bytes, bytes.length);

  const text = Buffer.from("Yours, Ann\n");
  const upload = ok(
    await asAnn.POST("/file", {
      body: {
        file_name: "answer.txt",
        file_size_in_bytes: text.length,
        parent_folder_id: folder.id,
        file_conflict: "Replace",
      },
    }),
  );
  assert.ok(upload.kind === "upload");
  const [part] = upload.parts;
  assert.ok(part);
  await putPart(part, Uint8Array.from(text));
  const path = { upload_id: upload.upload_id };
  const answer = ok(await asAnn.POST("/upload/{upload_id}/complete", { params: { path } }));

  const query = { sort_by: "name", order: "asc" } as const;
  const list = ok(await asAnn.GET("/drive/{folder_id}", { params: { path: { folder_id: folder.id }, query } }));
  const names = list.items.map((item) => (item.kind === "file" ? `${item.name} ${item.size_in_bytes}` : item.name));
  assert.deepEqual(names, [`answer.txt ${text.length}`, `letter.bin ${bytes.length}`]);

  ok(
    await asAnn.POST("/share", {
      body: { share_object_type: "folder", folder_id: folder.id, username: ben, permission: "view" },
    }),
  );
  const received = ok(await asBen.GET("/shared-with-me"));
  assert.equal(received.items[0]?.item.name, "Letters");
  const seen = ok(await asBen.GET("/file/{file_id}", { params: { path: { file_id: answer.id } } }));
  assert.equal(await (await fetch(seen.download.url)).text(), "Yours, Ann\n");

  // Raw bytes, both ways. A body serialized by the library is refused, and nothing is stored.
  const params = { path: { file_id: letter.id } };
  await sameBytes(ok(await asBen.GET("/file/{file_id}/content", { params, parseAs: "blob" })), bytes);
  const reversed = Uint8Array.from(bytes).reverse();
  const serialized = await asAnn.PUT("/file/{file_id}/content", { params, body: new Blob([reversed]) });
  assert.equal(serialized.error?.code, "unsupported_media_type");
  const plain = createClient<plainPaths>({ baseUrl: api, headers: { Authorization: `Bearer ${annToken}` } });
  const quoted = await plain.PUT("/file/{file_id}/content", { params, body: "hello" });
  assert.equal(quoted.error?.code, "unsupported_media_type");
  ok(await asAnn.PUT("/file/{file_id}/content", { params, body: new Blob([reversed]), ...raw }));
  const content = ok(await asBen.GET("/file/{file_id}/content", { params, parseAs: "blob" }));
  await sameBytes(content, reversed);

  const photo = new File([picture], "me.png", { type: "image/png" });
  ok(await asAnn.POST("/profile_photo", { body: { photo }, bodySerializer: form }));
  const archive = ok(
    await asAnn.GET("/drive/{folder_id}/archive", { params: { path: { folder_id: folder.id } }, parseAs: "blob" }),
  );
  assert.equal(await archive.slice(0, 2).text(), "PK");
}

void main();
