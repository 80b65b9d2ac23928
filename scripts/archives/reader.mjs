// Reads a ZIP from standard input with the package named by the argument, and prints the SHA-256 and path of each
// entry.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { Readable, Writable } from "node:stream";

const [directory, name] = process.argv.slice(2);
const load = createRequire(`${directory}/`);
const print = (digest, path) => console.log(`${digest.digest("hex")} ${path}`);
const sha256 = () => createHash("sha256");

const readers = {
  async unzipper() {
    for await (const entry of process.stdin.pipe(load("unzipper").Parse({ forceStream: true }))) {
      const digest = sha256();
      for await (const piece of entry) digest.update(piece);
      print(digest, entry.path);
    }
  },
  async fflate() {
    const { Unzip, UnzipInflate } = load("fflate");
    const failed = [];
    const unzip = new Unzip((file) => {
      const digest = sha256();
      file.ondata = (error, piece, last) => {
        if (error) failed.push(error);
        else digest.update(piece);
        if (last) print(digest, file.name);
      };
      file.start();
    });
    unzip.register(UnzipInflate);
    for await (const piece of process.stdin) unzip.push(piece);
    unzip.push(new Uint8Array(), true);
    if (failed.length > 0) throw failed[0];
  },
  async "unzip-stream"() {
    for await (const entry of process.stdin.pipe(load("unzip-stream").Parse()).pipe(objects())) {
      const digest = sha256();
      for await (const piece of entry) digest.update(piece);
      print(digest, entry.path);
    }
  },
  async "@zip.js/zip.js"() {
    const { ZipReaderStream, configure } = load("@zip.js/zip.js");
    configure({ useWebWorkers: false });
    for await (const entry of Readable.toWeb(process.stdin).pipeThrough(new ZipReaderStream())) {
      const digest = sha256();
      if (entry.readable) for await (const piece of entry.readable) digest.update(piece);
      print(digest, entry.filename);
    }
  },
};

// Entries in stream order.
function objects() {
  const { PassThrough } = load("node:stream");
  return new PassThrough({ objectMode: true, highWaterMark: 1 });
}

await readers[name]();
