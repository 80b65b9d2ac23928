// Shared by the walks of all clients.
import assert from "node:assert/strict";

export const api = process.env["API"] ?? "http://127.0.0.1:8000";
export const password = "a quiet morning";
export const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
/** A picture of one pixel. */
export const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

export function fresh(name: string): string {
  return `${name}-${process.pid}-${Math.floor(Math.random() * 1e9)}`;
}

/** The body of an answer that must be a success. */
export function ok<T>(answer: { data?: T; error?: unknown }): T {
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  assert.notEqual(answer.data, undefined);
  return answer.data as T;
}

export async function sameBytes(given: Blob, expected: Uint8Array): Promise<void> {
  assert.deepEqual(new Uint8Array(await given.arrayBuffer()), expected);
}

/** PUTs the bytes of a part, as the answer to `POST /file` says. */
export async function putPart(
  part: { url: string; headers: Record<string, string> },
  body: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const answer = await fetch(part.url, { method: "PUT", headers: part.headers, body });
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
}
