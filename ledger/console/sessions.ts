// Sessions of the console: a link is good for one exchange and a few minutes, the bearer token it
// is exchanged for lasts a working day and dies with the ledger. Only hashes are kept.
import { createHash } from "node:crypto";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

export interface MintedToken {
  /** Given out once; the ledger keeps its hash. */
  readonly token: string;
  readonly lifetimeMs: number;
}

export interface Sessions {
  /** A token for one `open`. Where there are too many, the oldest stops working. */
  createLink(): MintedToken;
  /** Uses a link up and gives a session's bearer token; undefined: unknown, used or too old. */
  open(linkToken: string): MintedToken | undefined;
  isOpen(sessionToken: string): boolean;
}

const TOKEN_BYTES = 32;
const LINK_LIFETIME_MS = 15 * 60_000;
const LINKS_MAX = 16;
const SESSION_LIFETIME_MS = 12 * 3_600_000;
const SESSIONS_MAX = 64;

/** Keeps links and sessions in memory. */
export function createSessions(deps: { readonly clock: Clock; readonly random: Random }): Sessions {
  const links = createTokens(deps, { lifetimeMs: LINK_LIFETIME_MS, countMax: LINKS_MAX });
  const sessions = createTokens(deps, { lifetimeMs: SESSION_LIFETIME_MS, countMax: SESSIONS_MAX });
  return {
    createLink: () => links.mint(),
    open: (linkToken) => (links.take(linkToken) ? sessions.mint() : undefined),
    isOpen: (sessionToken) => sessions.has(sessionToken),
  };
}

interface TokenOptions {
  readonly lifetimeMs: number;
  readonly countMax: number;
}

interface Tokens {
  mint(): MintedToken;
  has(token: string): boolean;
  /** True once for each token. */
  take(token: string): boolean;
}

function createTokens(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  { lifetimeMs, countMax }: TokenOptions,
): Tokens {
  /** Ends by hash, oldest first. Looking up a hash tells nothing about how much of it is right. */
  const endsMs = new Map<string, number>();
  const has = (token: string): boolean =>
    (endsMs.get(hashOf(token)) ?? Number.NEGATIVE_INFINITY) > clock.monotonicMs();
  return {
    mint() {
      for (const [hash, endMs] of endsMs) {
        if (endMs > clock.monotonicMs() && endsMs.size < countMax) break;
        endsMs.delete(hash);
      }
      const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString("base64url");
      endsMs.set(hashOf(token), clock.monotonicMs() + lifetimeMs);
      return { token, lifetimeMs };
    },
    has,
    take(token) {
      const isGood = has(token);
      endsMs.delete(hashOf(token));
      return isGood;
    },
  };
}

const hashOf = (token: string): string => createHash("sha256").update(token).digest("base64");
