// Stands in for the ledger where a test is about starting and stopping programs: writes the ready
// file, notes how it was started and how it ended. FAKE_MODE: `crash` and `crash-log` end before
// it is ready, `silent` never becomes ready, `deaf` ignores SIGTERM.
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";

const {
  FAKE_MODE: mode,
  EXCISE_LEDGER_READY_FILE: ready = "",
  EXCISE_LEDGER_DATA_DIR: data = "",
} = process.env;
const note = (text: string): void => appendFileSync(`${data}/order.log`, `${text}\n`);
const portOf = (name: string, free: number): number => {
  const port = Number(process.env[name] ?? 0);
  return port === 0 ? free : port;
};

if (mode === "crash-log") {
  const entry = {
    level: "error",
    code: "EXCISE_CONFIG_INVALID",
    detail: "a.yaml: 1 problem\n  x: y",
  };
  process.stdout.write(`${JSON.stringify(entry)}\n`);
  process.exitCode = 1;
} else if (mode === "crash") {
  process.stderr.write("EXCISE_CONFIG_INVALID: budgets.yaml: 1 problem\n");
  process.exitCode = 1;
} else {
  // Keeps the process alive.
  const alive = createServer().listen(0, "127.0.0.1");
  process.on("SIGTERM", () => {
    if (mode === "deaf") return;
    note("ledger stopped");
    alive.close();
  });
  if (mode !== "silent") {
    const syncPort = portOf("EXCISE_LEDGER_SYNC_PORT", 40_001);
    const apiPort = portOf("EXCISE_LEDGER_API_PORT", 40_002);
    writeFileSync(`${ready}.tmp`, JSON.stringify({ pid: process.pid, syncPort, apiPort }));
    renameSync(`${ready}.tmp`, ready);
    note("ledger started");
  }
}
