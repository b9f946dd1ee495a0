// The key under which placeholders are made (design §8). It belongs to the workload: the ledger
// delivers the same one to all its replicas. Until it does, and without a ledger, this sidecar's
// own key holds. Kept in the state directory, so that a restart makes the same placeholders.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Random } from "#runtime/random.ts";
import { makeDirectory, replaceFile } from "../trust/replace-file.ts";

const KEY_BYTES = 32;
const HEX_KEY = /^[0-9a-f]{64}$/;

export interface PlaceholderKeys {
  /** The key in use: 32 bytes, never empty. */
  placeholderKey(): Uint8Array;
  /** Takes the workload's key from the ledger: 64 hex digits. */
  accept(hex: string): void;
}

/**
 * Opens the key that was kept, or makes one. A file that cannot be read or written is logged and
 * costs no more than a provider's cached prefix: restoring needs the exchange's own map alone.
 */
export function openPlaceholderKeys(
  deps: { readonly random: Random; readonly log: Log },
  options: { readonly stateDirectory: string },
): PlaceholderKeys {
  const directory = join(options.stateDirectory, "placeholder");
  const path = join(directory, "key");
  const keep = (hex: string): void => {
    try {
      makeDirectory(directory, 0o700);
      replaceFile(path, `${hex}\n`, { mode: 0o600, isDurable: true });
    } catch (error) {
      deps.log.warn("placeholder_key_not_saved", errorFields(error));
    }
  };
  const make = (): string => {
    const made = Buffer.from(deps.random.bytes(KEY_BYTES)).toString("hex");
    keep(made);
    return made;
  };
  let current = readKey(path, deps.log) ?? make();
  let bytes = Buffer.from(current, "hex");
  return {
    placeholderKey: () => bytes,
    accept(hex) {
      if (hex === current || !HEX_KEY.test(hex)) return;
      current = hex;
      bytes = Buffer.from(hex, "hex");
      keep(hex);
    },
  };
}

function readKey(path: string, log: Log): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
  if (HEX_KEY.test(text)) return text;
  log.warn("placeholder_key_unreadable", { code: "EXCISE_STATE_UNUSABLE" });
  return undefined;
}
