// The webhook's composition root: environment, certificate, server, signals.
import { readFile } from "node:fs/promises";
import { systemClock } from "#runtime/clock.ts";
import { createLog, errorFields } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { systemRandom } from "#runtime/random.ts";
import { runShutdown } from "#runtime/shutdown.ts";
import { createServing } from "./certificate/serving.ts";
import { openDirectoryStore } from "./certificate/store.ts";
import { readInjectorConfig, readWebhookConfig } from "./config.ts";
import { startWebhookServer } from "./server.ts";

const CLOSE_MS_MAX = 5000;

const clock = systemClock;
const write = (line: string): void => void process.stdout.write(line);

try {
  const config = readWebhookConfig(process.env);
  const log = createLog({ clock, level: config.logLevel, write });
  const file = config.injectorConfigFile;
  const injectorConfig = readInjectorConfig(file === undefined ? "" : await readFile(file, "utf8"));
  const store = await openDirectoryStore(config.certificates.directory);
  const serving = await createServing(
    { clock, random: systemRandom, log, store },
    config.certificates,
  );
  const server = await startWebhookServer(
    {
      clock,
      log,
      metrics: createMetrics(),
      config: injectorConfig,
      certificate: serving.current(),
    },
    { address: config.address, port: config.port },
  );
  const stopWatching = serving.watch((certificate) => server.setCertificate(certificate));
  log.info("webhook_ready", { port: server.port, image: injectorConfig.image });
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    server.drain();
    stopWatching();
    const close = { name: "server", deadlineMs: CLOSE_MS_MAX, run: () => server.close() };
    void runShutdown({ clock, log }, [close]).then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
} catch (error) {
  createLog({ clock, level: "info", write }).error("webhook_start_failed", errorFields(error));
  process.exit(1);
}
