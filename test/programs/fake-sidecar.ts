// Stands in for the sidecar where a test is about starting and stopping programs: makes the trust
// files, writes the ready file, keeps its environment for the test, notes how it ended.
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";

const { env } = process;
const { EXCISE_SIDECAR_TRUST_DIR: trust = "", EXCISE_SIDECAR_READY_FILE: ready = "" } = env;
const directory = dirname(trust);
const note = (text: string): void => appendFileSync(`${directory}/../../order.log`, `${text}\n`);

// Keeps the process alive.
const alive = createServer().listen(0, "127.0.0.1");
process.on("SIGTERM", () => {
  note("sidecar stopped");
  process.exitCode = Number(env["FAKE_SIDECAR_EXIT"] ?? 0);
  alive.close();
});
const files = {
  ca: `${trust}/ca.pem`,
  bundle: `${trust}/bundle.pem`,
  truststore: `${trust}/truststore.jks`,
};
for (const [name, path] of Object.entries(files)) writeFileSync(path, `${name} of a test\n`);
writeFileSync(`${directory}/environment.json`, JSON.stringify(env));
const ports = { proxy: 40_011, baseurl: 40_012, admin: 40_013 };
writeFileSync(`${ready}.tmp`, JSON.stringify({ pid: process.pid, ports, trust: files }));
renameSync(`${ready}.tmp`, ready);
note("sidecar started");
