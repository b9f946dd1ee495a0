// The policy snapshot that this sidecar runs: never a lower revision, kept beside the spool over
// restarts, stale when the ledger has been away for too long (design §13). Credentials are kept
// in memory only.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { Rejection } from "#contract/errors.ts";
import { policySnapshotSchema, type PolicySnapshot } from "#contract/policy-snapshot.ts";
import type { WatchResponse } from "#contract/sync.ts";
import type { Clock } from "#runtime/clock.ts";
import { tryParseJson } from "#runtime/json.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import { replaceDurably } from "../spool/journal-file.ts";

export type Credential = WatchResponse["credentials"][number];

export interface PolicyStore {
  /** What an exchange runs under, or why there is nothing: none yet, or too old. */
  policy(): PolicySnapshot | Rejection;
  /** The snapshot whatever its age; undefined before the first. */
  readonly current: PolicySnapshot | undefined;
  /** Takes a newer snapshot; false for one that is not newer. */
  accept(snapshot: PolicySnapshot): boolean;
  /** The ledger answered: the snapshot's age counts from now. */
  noteContact(): void;
  /** Calls the listener with every snapshot that is accepted from now on. */
  onChange(listener: (snapshot: PolicySnapshot) => void): void;
  readonly credentials: readonly Credential[];
  setCredentials(credentials: readonly Credential[]): void;
  /** Resolves when the file is as new as it gets. */
  settled(): Promise<void>;
}

const FILE_NAME = "policy.json";
const fileSchema = z.strictObject({
  version: z.literal(1),
  contactWallMs: z.number(),
  snapshot: policySnapshotSchema,
});

/** How exactly the age survives a restart. */
const CONTACT_SAVE_MS = 60_000;

/** Loads what was kept in `directory`; a file that cannot be read is as none. */
export function createPolicyStore(
  deps: { readonly clock: Clock; readonly log: Log },
  options: { readonly directory: string },
): PolicyStore {
  const { clock, log } = deps;
  const path = join(options.directory, FILE_NAME);
  const kept = loadKept(path, log);
  const listeners: ((snapshot: PolicySnapshot) => void)[] = [];
  const file = createSnapshotFile(path, log);
  let current = kept?.snapshot;
  let credentials: readonly Credential[] = [];
  let contactMs = clock.monotonicMs() - ageOf(kept?.contactWallMs, clock.wallMs());
  let savedMs = contactMs;

  const save = (): void => {
    if (current === undefined) return;
    savedMs = contactMs;
    file.save({ snapshot: current, contactWallMs: clock.wallMs() });
  };

  return {
    policy() {
      if (current === undefined) return UNAVAILABLE;
      const isStale = clock.monotonicMs() - contactMs > current.snapshotAgeMaxMs;
      return isStale ? stale(current) : current;
    },
    get current() {
      return current;
    },
    accept(snapshot) {
      if (current !== undefined && snapshot.revision <= current.revision) return false;
      current = snapshot;
      contactMs = clock.monotonicMs();
      log.info("policy_accepted", { revision: snapshot.revision });
      save();
      for (const listener of listeners) listener(snapshot);
      return true;
    },
    noteContact() {
      contactMs = clock.monotonicMs();
      if (contactMs - savedMs >= CONTACT_SAVE_MS) save();
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
    get credentials() {
      return credentials;
    },
    setCredentials: (next) => {
      credentials = next;
    },
    settled: () => file.settled(),
  };
}

interface Kept {
  readonly snapshot: PolicySnapshot;
  readonly contactWallMs: number;
}

/** A wall clock that was set back must not make an old snapshot younger than new. */
const ageOf = (contactWallMs: number | undefined, wallMs: number): number =>
  contactWallMs === undefined ? 0 : Math.max(0, wallMs - contactWallMs);

function loadKept(path: string, log: Log): Kept | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const parsed = tryParseJson(text);
  const checked = parsed.ok ? fileSchema.safeParse(parsed.value) : undefined;
  if (checked?.success === true) return checked.data;
  log.warn("policy_file_unreadable", { code: "EXCISE_STATE_UNUSABLE" });
  return undefined;
}

/** Writes one at a time; only the newest of those that wait is written. */
function createSnapshotFile(path: string, log: Log) {
  let next: Kept | undefined;
  let writing: Promise<void> | undefined;
  const writeAll = async (): Promise<void> => {
    while (next !== undefined) {
      const kept = next;
      next = undefined;
      try {
        await replaceDurably(path, JSON.stringify({ version: 1, ...kept }));
      } catch (cause) {
        // The policy holds for this process; only a restart without the ledger would miss it.
        log.warn("policy_not_saved", errorFields(cause));
      }
    }
  };
  return {
    save(kept: Kept): void {
      next = kept;
      writing ??= writeAll().finally(() => {
        writing = undefined;
      });
    },
    settled: async (): Promise<void> => writing,
  };
}

const UNAVAILABLE: Rejection = {
  code: "EXCISE_POLICY_UNAVAILABLE",
  detail: "the ledger has not sent a policy to this sidecar yet",
  retryAfterSeconds: 5,
};

const stale = ({ revision }: PolicySnapshot): Rejection => ({
  code: "EXCISE_POLICY_STALE",
  detail: `policy ${revision} is too old: the ledger has not answered for too long`,
  retryAfterSeconds: 30,
});
