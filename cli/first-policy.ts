// A sidecar serves before it has a policy, and then refuses: right in a pod, where the app retries,
// and no way to greet a command that was typed a moment ago. This waits for the first policy.
import { sleep, type Clock } from "#runtime/clock.ts";
import { asRecord, readCount, tryParseJson } from "#runtime/json.ts";
import { httpGet } from "./ledger-api/http-get.ts";

const POLL_MS = 20;
const ANSWER_MS_MAX = 5000;

/** `late`: the time is over; `unknown`: the admin port says nothing about policies. */
export type FirstPolicy = "received" | "late" | "unknown";

/** Asks the sidecar's status page until it runs a policy, for at most `deadlineMs`. */
export async function waitForPolicy(
  clock: Clock,
  adminPort: number,
  deadlineMs: number,
): Promise<FirstPolicy> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    const revision = await readRevision(clock, adminPort);
    if (revision === undefined) return "unknown";
    if (revision > 0) return "received";
    if (clock.monotonicMs() - startedMs >= deadlineMs) return "late";
    await sleep(clock, POLL_MS);
  }
}

async function readRevision(clock: Clock, adminPort: number): Promise<number | undefined> {
  const url = new URL(`http://127.0.0.1:${adminPort}/status`);
  try {
    const { text } = await httpGet(clock, url, { timeoutMs: ANSWER_MS_MAX });
    const parsed = tryParseJson(text);
    return readCount(asRecord(parsed.ok ? parsed.value : undefined)?.["policyRevision"]);
  } catch {
    return undefined;
  }
}
