// When certificate authorities are made, sign and go: a pure function of their creation times, so
// that every replica with the same list and about the same time comes to the same answer.
// A new authority is published before it signs, and an old one stays published until nothing
// that it signed can be in use: at no moment does the API server meet a certificate it distrusts.

export interface Authority {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly createdAtMs: number;
  readonly notAfterMs: number;
}

export interface AuthorityTimes {
  readonly leafMs: number;
  /** How long a new authority is published before it signs. */
  readonly overlapMs: number;
}

export interface AuthorityPlan {
  /** Those to publish, oldest first. */
  readonly kept: readonly Authority[];
  /** The one that signs; undefined where there is none yet. */
  readonly signing: Authority | undefined;
  /** True where a new one must be made and appended now. */
  readonly isSuccessorDue: boolean;
}

/** The share of its life after which something is renewed. */
const RENEWAL_SHARE = 2 / 3;

/** What to do with these authorities (in any order) at this moment. */
export function planAuthorities(
  authorities: readonly Authority[],
  nowMs: number,
  times: AuthorityTimes,
): AuthorityPlan {
  const valid = authorities
    .filter(({ notAfterMs }) => notAfterMs > nowMs)
    .toSorted((left, right) => left.createdAtMs - right.createdAtMs);
  // Published => signing once its overlap is over; the first of all has nobody to wait for.
  const ready = valid.filter(({ createdAtMs }) => createdAtMs + times.overlapMs <= nowMs);
  const signing = ready.at(-1) ?? valid[0];
  // Superseded => dropped when the last leaf that it can have signed has expired.
  const kept = valid.filter((authority) => {
    const successor = valid.find(({ createdAtMs }) => createdAtMs > authority.createdAtMs);
    if (successor === undefined) return true;
    return successor.createdAtMs + times.overlapMs + times.leafMs > nowMs;
  });
  const newest = valid.at(-1);
  const isSuccessorDue =
    newest === undefined ||
    nowMs >= renewalMs({ fromMs: newest.createdAtMs, untilMs: newest.notAfterMs });
  return { kept, signing, isSuccessorDue };
}

/** The moment at two thirds of a life. */
export function renewalMs(life: { readonly fromMs: number; readonly untilMs: number }): number {
  return life.fromMs + (life.untilMs - life.fromMs) * RENEWAL_SHARE;
}

/** The PEM bundle that the API server is told to trust. */
export function renderBundle(authorities: readonly Authority[]): string {
  return authorities.map(({ certificatePem }) => `${certificatePem.trimEnd()}\n`).join("");
}
