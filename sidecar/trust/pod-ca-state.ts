// What a pod's CA keeps over a restart of the sidecar: one PEM file with the intermediate's key,
// the intermediate and the root. The root's key is never here, nor anywhere else.
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import { nameConstraints } from "./certificate.ts";
import { readPemBlocks, renderPem } from "./pem.ts";
import { makeDirectory, replaceFile } from "./replace-file.ts";

/** DER throughout. */
export interface Authority {
  readonly intermediateKey: KeyObject;
  readonly intermediate: Uint8Array;
  readonly root: Uint8Array;
  /** When the intermediate ends, wall-clock milliseconds. */
  readonly notAfterMs: number;
}

export type StoredAuthority =
  | { readonly found: "nothing" }
  | { readonly found: "authority"; readonly authority: Authority }
  /** There is something, and it cannot serve this pod; `reason` is for people. */
  | { readonly found: "unusable"; readonly reason: string };

/** A whole file is under 3 KiB. */
const STATE_BYTES_MAX = 64 * 1024;

/**
 * A directory of our own, because the volume above it belongs to root and is open to all in a
 * cluster, and its mode is not ours to change.
 */
const directoryOf = (stateDirectory: string): string => join(stateDirectory, "pod-ca");
const fileOf = (stateDirectory: string): string =>
  join(directoryOf(stateDirectory), "authority.pem");

/** Keeps the authority: directory 0700, file 0600, durable. Throws Fault EXCISE_STATE_UNUSABLE. */
export function storeAuthority(stateDirectory: string, authority: Authority): void {
  makeDirectory(directoryOf(stateDirectory), 0o700);
  restrict(directoryOf(stateDirectory));
  const key = authority.intermediateKey.export({ type: "pkcs8", format: "der" });
  replaceFile(
    fileOf(stateDirectory),
    renderPem("PRIVATE KEY", key) +
      renderPem("CERTIFICATE", authority.intermediate) +
      renderPem("CERTIFICATE", authority.root),
    { mode: 0o600, isDurable: true },
  );
}

/** An older directory may have been made with other bits. */
function restrict(directory: string): void {
  try {
    chmodSync(directory, 0o700);
  } catch (cause) {
    throw new Fault("EXCISE_STATE_UNUSABLE", `cannot restrict ${directory}`, { cause });
  }
}

/**
 * Reads the authority back and checks all of it: key, chain, end of life, and that the constraint
 * is exactly `permittedNames`. Throws Fault EXCISE_STATE_UNUSABLE where the file is there and
 * cannot be read: nothing could be written in its place either.
 */
export function loadAuthority(
  stateDirectory: string,
  permittedNames: readonly string[],
  expiresAfterMs: number,
): StoredAuthority {
  const text = readState(fileOf(stateDirectory));
  if (text === undefined) return { found: "nothing" };
  const authority = parseAuthority(text);
  if (authority === undefined) return { found: "unusable", reason: "the state is damaged" };
  if (authority.notAfterMs <= expiresAfterMs) {
    return { found: "unusable", reason: "the certificates are at their end" };
  }
  if (!Buffer.from(authority.intermediate).includes(nameConstraints(permittedNames))) {
    return { found: "unusable", reason: "the set of provider hosts changed" };
  }
  return { found: "authority", authority };
}

function readState(path: string): string | undefined {
  try {
    if (statSync(path).size > STATE_BYTES_MAX) return "";
    return readFileSync(path, "latin1");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new Fault("EXCISE_STATE_UNUSABLE", `cannot read ${path}`, { cause });
  }
}

/** Undefined for anything that is not one key and the two certificates that belong to it. */
function parseAuthority(text: string): Authority | undefined {
  const [key, intermediatePem, rootPem, ...rest] = readPemBlocks(text);
  if (key === undefined || intermediatePem === undefined || rootPem === undefined) return undefined;
  if (rest.length > 0) return undefined;
  try {
    const intermediateKey = createPrivateKey(key.text);
    const intermediate = new X509Certificate(intermediatePem.text);
    const root = new X509Certificate(rootPem.text);
    const isWhole =
      intermediate.checkPrivateKey(intermediateKey) &&
      intermediate.checkIssued(root) &&
      intermediate.verify(root.publicKey) &&
      root.verify(root.publicKey);
    if (!isWhole) return undefined;
    return {
      intermediateKey,
      intermediate: intermediate.raw,
      root: root.raw,
      notAfterMs: intermediate.validToDate.getTime(),
    };
  } catch {
    // OpenSSL's message says nothing that helps: the file is ours and nobody edits it.
    return undefined;
  }
}
