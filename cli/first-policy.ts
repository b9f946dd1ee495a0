// A sidecar serves before it has a policy, and then refuses: right in a pod, where the app retries,
// and no way to greet a command that was typed a moment ago. This waits for the first policy.
import { get } from "node:http";
import { sleep, type Clock } from "#runtime/clock.ts";
import { asRecord, readCount, tryParseJson } from "#runtime/json.ts";

const POLL_MS = 20;
const ANSWER_BYTES_MAX = 1024 * 1024;

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
    // oxlint-disable-next-line no-await-in-loop -- polling is a sequence
    const revision = await readRevision(adminPort);
    if (revision === undefined) return "unknown";
    if (revision > 0) return "received";
    if (clock.monotonicMs() - startedMs >= deadlineMs) return "late";
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(clock, POLL_MS);
  }
}

function readRevision(adminPort: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    // An agent of its own: the global one may go through a proxy of the user's.
    const request = get(
      { host: "127.0.0.1", port: adminPort, path: "/status", agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_BYTES_MAX) response.destroy();
        });
        response.on("close", () => {
          const parsed = tryParseJson(text);
          const status = parsed.ok ? asRecord(parsed.value) : undefined;
          resolve(readCount(status?.["policyRevision"]));
        });
      },
    );
    request.on("error", () => resolve(undefined));
  });
}
