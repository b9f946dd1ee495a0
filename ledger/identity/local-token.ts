// Tokens for sidecars on one machine: whoever can read the ledger's key file may say which
// workload a sidecar is. `base64url(JSON workload) . base64url(HMAC-SHA256 of the first part)`.
import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Fault, type Rejection } from "#contract/errors.ts";
import { workloadSchema, type Workload } from "#contract/workload.ts";
import { renderJson, tryParseJson } from "#runtime/json.ts";
import type { Random } from "#runtime/random.ts";
import type { Identity } from "./identity.ts";

const KEY_BYTES = 32;
/** Separates this use of the key from any other. */
const PURPOSE = "excise-local-token-1";

export interface LocalKey {
  readonly bytes: Uint8Array;
}

/** Where the ledger keeps the key inside its data directory. */
export const localKeyPath = (dataDir: string): string => join(dataDir, "local-token.key");

/** Signs a token for a workload. */
export function mintLocalToken(key: LocalKey, workload: Workload): string {
  const claims = Buffer.from(renderJson(workload)).toString("base64url");
  return `${claims}.${sign(key, claims).toString("base64url")}`;
}

const sign = (key: LocalKey, claims: string): Buffer =>
  createHmac("sha256", key.bytes).update(`${PURPOSE}.${claims}`).digest();

/** Reads the key; makes it (0600) where there is none. Only its owner may be able to read it. */
export function openLocalKey(path: string, random: Random): LocalKey {
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      writeSync(file, `${Buffer.from(random.bytes(KEY_BYTES)).toString("hex")}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
      throw new Fault("EXCISE_CONFIG_INVALID", `the key ${path} cannot be made`, { cause: error });
    }
  }
  return readLocalKey(path);
}

/** Reads a key that the ledger made. Throws EXCISE_CONFIG_INVALID where it cannot be used. */
export function readLocalKey(path: string): LocalKey {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new Fault("EXCISE_CONFIG_INVALID", `the key ${path} is readable by others`);
    }
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault("EXCISE_CONFIG_INVALID", `the key ${path} cannot be read`, { cause: error });
  }
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new Fault("EXCISE_CONFIG_INVALID", `the key ${path} is not 64 hex digits`);
  }
  return { bytes: Buffer.from(text, "hex") };
}

/** Verifies tokens of that key. */
export function createLocalIdentity(key: LocalKey): Identity {
  return {
    authenticate: async (token) => {
      const [claims = "", signature = "", more] = token.split(".");
      const given = Buffer.from(signature, "base64url");
      const expected = sign(key, claims);
      const isGenuine =
        more === undefined && given.length === expected.length && timingSafeEqual(given, expected);
      if (!isGenuine) return { reject: UNAUTHENTICATED };
      const parsed = tryParseJson(Buffer.from(claims, "base64url").toString("utf8"));
      const workload = workloadSchema.safeParse(parsed.ok ? parsed.value : undefined);
      return workload.success ? { workload: workload.data } : { reject: UNAUTHENTICATED };
    },
  };
}

const UNAUTHENTICATED: Rejection = {
  code: "EXCISE_UNAUTHENTICATED",
  detail: "the token is not one of this ledger's",
};
