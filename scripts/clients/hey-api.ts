// The walk through the API with @hey-api/openapi-ts.
import assert from "node:assert/strict";
import { createClient, formDataBodySerializer, urlSearchParamsBodySerializer } from "./hey/client";
import type { CreateFileErrors, CreateFileResponses, FileForm, LoginForm } from "./hey";
import {
  archiveFolder,
  completeUpload,
  createFile,
  createFolder,
  createShare,
  getContent,
  getFile,
  listFolder,
  listReceivedShares,
  login,
  putContent,
  register,
  setProfilePhoto,
} from "./hey";
import { api, bytes, fresh, ok, password, picture, putPart, sameBytes } from "./walk";

async function user(name: string): Promise<ReturnType<typeof createClient>> {
  const anonymous = createClient({ baseUrl: api });
  ok(await register({ client: anonymous, body: { username: name, email: `${name}@example.com`, password } }));
  const body: LoginForm = { grant_type: "password", username: name, password };
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const token = ok(await login({ client: anonymous, body, headers, ...urlSearchParamsBodySerializer }));
  return createClient({ baseUrl: api, auth: token.access_token });
}

async function main(): Promise<void> {
  const [ann, ben] = [fresh("ann"), fresh("ben")];
  const asAnn = await user(ann);
  const asBen = await user(ben);

  const folder = ok(await createFolder({ client: asAnn, body: { folder_name: "Letters" } }));
  const path = { folder_id: folder.id };

  // `createFile` only takes JSON; its form is described by types, and sent by the client itself.
  const form: FileForm = {
    parent_folder_id: folder.id,
    file_conflict: "Replace",
    file: new File([bytes], "letter.bin"),
  };
  const letter = ok(
    await asAnn.post<CreateFileResponses, CreateFileErrors>({
      url: "/file",
      body: form,
      ...formDataBodySerializer,
      headers: { "Content-Type": null }, // that of the form, with its boundary
      security: [{ scheme: "bearer", type: "http" }],
    }),
  );
  assert.ok(letter.kind === "file");
  assert.equal(letter.size_in_bytes, bytes.length);

  const text = Buffer.from("Yours, Ann\n");
  const upload = ok(
    await createFile({
      client: asAnn,
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
  const answer = ok(await completeUpload({ client: asAnn, path: { upload_id: upload.upload_id } }));

  const list = ok(await listFolder({ client: asAnn, path, query: { sort_by: "name", order: "asc" } }));
  const names = list.items.map((item) => (item.kind === "file" ? `${item.name} ${item.size_in_bytes}` : item.name));
  assert.deepEqual(names, [`answer.txt ${text.length}`, `letter.bin ${bytes.length}`]);

  ok(
    await createShare({
      client: asAnn,
      body: { share_object_type: "folder", folder_id: folder.id, username: ben, permission: "view" },
    }),
  );
  const received = ok(await listReceivedShares({ client: asBen }));
  assert.equal(received.items[0]?.item.name, "Letters");
  const seen = ok(await getFile({ client: asBen, path: { file_id: answer.id } }));
  assert.equal(await (await fetch(seen.download.url)).text(), "Yours, Ann\n");

  const file = { path: { file_id: letter.id } };
  await sameBytes(ok(await getContent({ client: asBen, ...file, parseAs: "blob" })), bytes);
  const reversed = Uint8Array.from(bytes).reverse();
  ok(await putContent({ client: asAnn, ...file, body: new Blob([reversed]) }));
  await sameBytes(ok(await getContent({ client: asBen, ...file, parseAs: "blob" })), reversed);

  const photo = new File([picture], "me.png", { type: "image/png" });
  ok(await setProfilePhoto({ client: asAnn, body: photo }));
  const archive = ok(await archiveFolder({ client: asAnn, path, parseAs: "blob" }));
  assert.equal(await archive.slice(0, 2).text(), "PK");
}

void main();
