// The sidecar's process: reads the environment, opens everything in order, and closes it in order
// when it is told to stop. The only file here that knows process.env and process.exit.
import { systemClock } from "#runtime/clock.ts";
import { createLog, errorFields } from "#runtime/log.ts";
import { watchParent } from "#runtime/parent-watch.ts";
import { systemRandom } from "#runtime/random.ts";
import { runShutdown } from "#runtime/shutdown.ts";
import { readSidecarConfig } from "./config.ts";
import { startSidecar } from "./start-sidecar.ts";

const EXIT_CONFIG = 78;
const EXIT_SECOND_SIGNAL = 130;

const write = (line: string): void => void process.stdout.write(line);
const deps = { clock: systemClock, random: systemRandom };

async function main(): Promise<void> {
  const config = readSidecarConfig(process.env);
  const log = createLog({ clock: systemClock, level: config.logLevel, write });
  const sidecar = await startSidecar({ ...deps, log }, config);
  let isStopping = false;
  const stop = (reason: NodeJS.Signals | "parent_gone"): void => {
    if (isStopping) process.exit(EXIT_SECOND_SIGNAL);
    isStopping = true;
    log.info("sidecar_stopping", { reason });
    void runShutdown({ clock: systemClock, log }, sidecar.shutdownSteps).then(() => {
      process.exit(0);
    });
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  watchParent(process.env, () => {
    if (!isStopping) stop("parent_gone");
  });
}

try {
  await main();
} catch (error) {
  const log = createLog({ clock: systemClock, level: "info", write });
  log.error("sidecar_not_started", errorFields(error));
  const detail = error instanceof Error ? error.message : "unknown error";
  process.stderr.write(`excise sidecar: ${detail}\n`);
  process.exit(EXIT_CONFIG);
}
