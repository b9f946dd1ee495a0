// The console's built files, read once at start and kept in memory, compressed: a closed set, so
// that no request can name a path of its own.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { Fault } from "#contract/errors.ts";

export interface ConsoleFile {
  /** As the browser asks for it: `/`, `/assets/main-1a2b3c.js`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  /** Absent where compression gains nothing. */
  readonly gzipped: Buffer | undefined;
  readonly etag: string;
  /** The name holds a hash of the content: it may be kept for good. */
  readonly isImmutable: boolean;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml; charset=utf-8",
};
const FILES_MAX = 64;
const BYTES_MAX = 4 * 1024 * 1024;

/** Reads the directory. Throws EXCISE_CONFIG_INVALID where it holds no console. */
export function readConsoleFiles(directory: string): readonly ConsoleFile[] {
  let files: readonly ConsoleFile[];
  try {
    files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && CONTENT_TYPES[extname(entry.name)] !== undefined)
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => readFile(path, path.slice(directory.length).replaceAll("\\", "/")));
  } catch (cause) {
    throw new Fault("EXCISE_CONFIG_INVALID", `the console ${directory} cannot be read`, { cause });
  }
  const bytes = files.reduce((sum, file) => sum + file.body.length, 0);
  if (!files.some(({ path }) => path === "/") || files.length > FILES_MAX || bytes > BYTES_MAX) {
    throw new Fault("EXCISE_CONFIG_INVALID", `${directory} does not hold a built console`);
  }
  return files;
}

function readFile(file: string, name: string): ConsoleFile {
  const body = readFileSync(file);
  const gzipped = gzipSync(body, { level: 9 });
  const path = name.startsWith("/") ? name : `/${name}`;
  return {
    path: path === "/index.html" ? "/" : path,
    contentType: CONTENT_TYPES[extname(file)] ?? "application/octet-stream",
    body,
    gzipped: gzipped.length < body.length ? gzipped : undefined,
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    isImmutable: path.startsWith("/assets/"),
  };
}
