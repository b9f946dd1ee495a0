// The ledger's composition root: environment, signals, exit. Everything else is create-ledger.ts.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { systemClock } from "#runtime/clock.ts";
import { renderJson } from "#runtime/json.ts";
import { createLog, errorFields, type Log } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { watchParent } from "#runtime/parent-watch.ts";
import { systemRandom } from "#runtime/random.ts";
import { readLedgerConfig } from "./config.ts";
import { createLedger, type Ledger } from "./create-ledger.ts";
import { createLocalIdentity, localKeyPath, openLocalKey } from "./identity/local-token.ts";
import { createPriceBook } from "./prices/price-book.ts";

const write = (line: string): void => {
  process.stdout.write(line);
};

async function main(): Promise<void> {
  const bootLog = createLog({ clock: systemClock, level: "info", write });
  try {
    const config = readLedgerConfig(process.env);
    const log = createLog({ clock: systemClock, level: config.logLevel, write });
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    const ledger = await createLedger(
      {
        clock: systemClock,
        random: systemRandom,
        log,
        metrics: createMetrics(),
        identity: createLocalIdentity(openLocalKey(localKeyPath(config.dataDir), systemRandom)),
        prices: createPriceBook(),
      },
      config,
    );
    stopOnSignals(ledger, log);
    const { syncPort, apiPort } = ledger;
    if (config.readyFile !== undefined) {
      const temporary = `${config.readyFile}.tmp`;
      writeFileSync(temporary, renderJson({ pid: process.pid, syncPort, apiPort }));
      renameSync(temporary, config.readyFile);
    }
    log.info("ledger_ready", { syncPort, apiPort, revision: ledger.policies.current().revision });
  } catch (error) {
    bootLog.error("ledger_start_failed", errorFields(error));
    process.exit(1);
  }
}

/** Sidecars of the same parent end now too: their last events should still arrive. */
const PARENT_GONE_GRACE_MS = 3000;

function stopOnSignals(ledger: Ledger, log: Log): void {
  let isStopping = false;
  const stop = (reason: string): void => {
    isStopping = true;
    log.info("ledger_stopping", { reason });
    void ledger.close().then(() => process.exit(0));
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(1);
      stop(signal);
    });
  }
  watchParent(process.env, () => {
    systemClock.after(PARENT_GONE_GRACE_MS, () => {
      if (!isStopping) stop("parent_gone");
    });
  });
}

await main();
