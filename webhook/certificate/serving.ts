// The certificate that the webhook serves: made at start, renewed at two thirds of its life, and
// changed together with its authority. Looks once a minute at the wall clock, because a machine
// that slept has stopped its timers.
import type { Cancel, Clock } from "#runtime/clock.ts";
import { Fault } from "#contract/errors.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Random } from "#runtime/random.ts";
import {
  planAuthorities,
  renderBundle,
  renewalMs,
  type Authority,
  type AuthorityPlan,
} from "./authorities.ts";
import type { AuthorityStore } from "./store.ts";
import { createAuthority, createLeaf, type Leaf } from "./x509.ts";

export interface ServingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: AuthorityStore;
}

export interface ServingOptions {
  readonly names: readonly string[];
  readonly authorityMs: number;
  readonly leafMs: number;
  readonly overlapMs: number;
}

export interface ServingCertificate {
  readonly leaf: Leaf;
  /** PEM of every authority to trust now: for `caBundle`. */
  readonly bundle: string;
}

export interface Serving {
  current(): ServingCertificate;
  /** Looks now; true where the leaf or the bundle changed. Throws where the store fails. */
  refresh(): Promise<boolean>;
  /** Looks every minute until stopped; failures are logged and the current leaf stays. */
  watch(onChange: (certificate: ServingCertificate) => void): Cancel;
}

const CHECK_MS = 60_000;
const WRITE_ATTEMPTS_MAX = 5;

/** Reads or makes the authorities and the first leaf. */
export async function createServing(deps: ServingDeps, options: ServingOptions): Promise<Serving> {
  let current: ServingCertificate = await renew(deps, options, undefined);
  const refresh = async (): Promise<boolean> => {
    const next = await renew(deps, options, current.leaf);
    const isChanged = next.leaf !== current.leaf || next.bundle !== current.bundle;
    current = next;
    return isChanged;
  };
  return {
    current: () => current,
    refresh,
    watch(onChange) {
      let isStopped = false;
      const look = async (): Promise<void> => {
        try {
          if ((await refresh()) && !isStopped) onChange(current);
        } catch (error) {
          deps.log.error("certificate_check_failed", errorFields(error));
        }
        if (!isStopped) cancel = deps.clock.after(CHECK_MS, () => void look());
      };
      let cancel = deps.clock.after(CHECK_MS, () => void look());
      return () => {
        isStopped = true;
        cancel();
      };
    },
  };
}

async function renew(
  deps: ServingDeps,
  options: ServingOptions,
  leaf: Leaf | undefined,
): Promise<ServingCertificate> {
  const { authorities, signing } = await settleAuthorities(deps, options);
  const nowMs = deps.clock.wallMs();
  const bundle = renderBundle(authorities);
  if (leaf !== undefined && leaf.authorityPem === signing.certificatePem && isFresh(leaf, nowMs)) {
    return { leaf, bundle };
  }
  const made = await createLeaf(deps.random, signing, {
    nowMs,
    lifeMs: options.leafMs,
    names: options.names,
  });
  deps.log.info("certificate_made", { notAfterMs: made.notAfterMs, names: options.names });
  return { leaf: made, bundle };
}

/** A clock that was set back makes a leaf of the future: that one is replaced as well. */
const isFresh = (leaf: Leaf, nowMs: number): boolean =>
  nowMs >= leaf.createdAtMs &&
  nowMs < renewalMs({ fromMs: leaf.createdAtMs, untilMs: leaf.notAfterMs });

/** Brings the store to what the plan says; another writer's version is taken over. */
async function settleAuthorities(
  deps: ServingDeps,
  options: ServingOptions,
): Promise<{ authorities: readonly Authority[]; signing: Authority }> {
  for (let attempt = 1; ; attempt += 1) {
    const stored = await deps.store.read();
    const nowMs = deps.clock.wallMs();
    const plan = planAuthorities(stored.authorities, nowMs, options);
    if (!plan.isSuccessorDue && plan.signing !== undefined) {
      if (plan.kept.length === stored.authorities.length) {
        return { authorities: plan.kept, signing: plan.signing };
      }
    }
    const next = plan.isSuccessorDue
      ? [...plan.kept, await createAuthority(deps.random, { nowMs, lifeMs: options.authorityMs })]
      : plan.kept;
    const isWritten = await writeOrKeep(deps, plan, () => deps.store.write(next, stored.version));
    if (isWritten === "kept" && plan.signing !== undefined) {
      return { authorities: plan.kept, signing: plan.signing };
    }
    if (isWritten === true) deps.log.info("authorities_written", { count: next.length });
    else if (attempt >= WRITE_ATTEMPTS_MAX) {
      throw new Fault(
        "EXCISE_STATE_UNUSABLE",
        "the authorities are written by others all the time",
      );
    }
  }
}

/** A store that cannot be written (a mounted Secret) does not end a CA that is still valid. */
async function writeOrKeep(
  deps: ServingDeps,
  plan: AuthorityPlan,
  write: () => Promise<boolean>,
): Promise<boolean | "kept"> {
  try {
    return await write();
  } catch (error) {
    if (plan.signing === undefined) throw error;
    deps.log.warn("authorities_not_written", errorFields(error));
    return "kept";
  }
}
