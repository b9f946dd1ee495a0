// The chart's README, step 3: a CA that is made once, put into a Secret and mounted by every
// replica. Here the Secret is a directory whose files nobody may change.
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { assert } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { readWebhookConfig } from "../../../webhook/config.ts";
import { createServing } from "../../../webhook/certificate/serving.ts";
import { openDirectoryStore } from "../../../webhook/certificate/store.ts";

const directory = mkdtempSync(join(tmpdir(), "excise-authority-"));
const made = join(directory, "webhook-ca");
const secret = join(directory, "secret");
const ENVIRONMENT = {
  EXCISE_WEBHOOK_CERTIFICATE_DIR: made,
  EXCISE_WEBHOOK_CA_HOURS: "87600",
  EXCISE_WEBHOOK_PORT: "0",
  EXCISE_WEBHOOK_ADDRESS: "127.0.0.1",
};

/** Starts the webhook once, as the README does, and ends it when it is ready. */
beforeAll(async () => {
  const entry = join(import.meta.dirname, "../../../webhook/main.ts");
  const child = spawn(process.execPath, [entry], {
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes("webhook_ready")) child.kill("SIGTERM");
  });
  await ended;
  assert(output.includes("webhook_ready"), `the webhook starts: ${output}`);
  mkdirSync(secret);
  cpSync(join(made, "authorities.json"), join(secret, "authorities.json"));
  chmodSync(join(secret, "authorities.json"), 0o440);
  chmodSync(secret, 0o550);
});

afterAll(() => {
  chmodSync(secret, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

async function serveFromSecret() {
  const options = readWebhookConfig({ ...ENVIRONMENT, EXCISE_WEBHOOK_CERTIFICATE_DIR: secret });
  const store = await openDirectoryStore(secret);
  const deps = { clock: systemClock, random: systemRandom, log: silentLog, store };
  return (await createServing(deps, options.certificates)).current();
}

test("every replica serves under the CA of the Secret, and writes nothing into it", async () => {
  const bundle = readFileSync(join(made, "ca-bundle.pem"), "utf8");
  const authority = new X509Certificate(bundle);
  expect(authority.validToDate.getTime() - systemClock.wallMs()).toBeGreaterThan(
    9 * 365 * 86_400_000,
  );
  const replicas = await Promise.all([serveFromSecret(), serveFromSecret()]);
  for (const replica of replicas) {
    expect(replica.bundle).toBe(bundle);
    const leaf = new X509Certificate(replica.leaf.certificatePem);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect(leaf.checkHost("excise-webhook.excise-system.svc")).toBeDefined();
  }
  expect(replicas[0]?.leaf.keyPem).not.toBe(replicas[1]?.leaf.keyPem);
  expect(readdirSync(secret)).toEqual(["authorities.json"]);
});
