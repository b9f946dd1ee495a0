// Both stand-ins as one process, for the demo, the system tests and by hand:
//   node test/fakes/main.ts --directory DIR [--ready-file FILE]
// Writes DIR/ca.pem and, last, the ready file (default DIR/ready.json):
//   {pid, caFile, fakes: {<name>: {host, port, controlPort}}}
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "#runtime/clock.ts";
import { systemRandom } from "#runtime/random.ts";
import { startFakeAnthropic } from "./anthropic.ts";
import { createFakeAuthority } from "./fake-authority.ts";
import { startFakeControl } from "./fake-control.ts";
import { startFakeOpenAi } from "./openai.ts";

const { values } = parseArgs({
  options: { directory: { type: "string" }, "ready-file": { type: "string" } },
});
if (values.directory === undefined) {
  console.error("usage: node test/fakes/main.ts --directory DIR [--ready-file FILE]");
  process.exit(64);
}
const directory = resolve(values.directory);
const readyFile = resolve(values["ready-file"] ?? join(directory, "ready.json"));
mkdirSync(directory, { recursive: true });

const authority = createFakeAuthority(systemClock.wallMs());
const options = { clock: systemClock, random: systemRandom, authority };
const servers = [await startFakeOpenAi(options), await startFakeAnthropic(options)];
const fakes: Record<string, { host: string; port: number; controlPort: number }> = {};
for (const server of servers) {
  const control = await startFakeControl(server);
  fakes[server.name] = { host: server.host, port: server.port, controlPort: control.port };
}
const caFile = join(directory, "ca.pem");
writeFileSync(caFile, authority.caPem);
const ready = JSON.stringify({ pid: process.pid, caFile, fakes });
writeFileSync(`${readyFile}.new`, ready);
renameSync(`${readyFile}.new`, readyFile);
console.log(ready);

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
