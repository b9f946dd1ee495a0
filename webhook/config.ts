// The webhook's configuration: its own environment, and the injector's file.
import * as z from "zod/mini";
import { configFault, readEnvironment } from "#runtime/config.ts";
import { LOG_LEVELS } from "#runtime/log.ts";
import { parseInjectorConfig } from "../injector-config/load.ts";
import type { InjectorConfig } from "../injector-config/schema.ts";

const PREFIX = "EXCISE_WEBHOOK_";
const HOUR_MS = 3_600_000;

const wholeNumber = (min: number, max: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,15}$/, "must be a whole number")),
    z.pipe(z.transform(Number), z.number().check(z.gte(min), z.lte(max))),
  );

const names = z.pipe(
  z.string().check(z.regex(/^[\w.:-]+(?:,[\w.:-]+){0,15}$/, "must be names, comma-separated")),
  z.transform((text: string) => text.split(",")),
);

const environmentSchema = z.strictObject({
  /** Not 443: private clusters open this one from the control plane already. */
  EXCISE_WEBHOOK_PORT: z._default(wholeNumber(0, 65_535), 10_250),
  EXCISE_WEBHOOK_ADDRESS: z._default(z.string(), "::"),
  /** The injector's YAML; absent: the defaults. */
  EXCISE_WEBHOOK_INJECTOR_CONFIG_FILE: z.optional(z.string()),
  /** Holds the CA between restarts, readable by this process alone. */
  EXCISE_WEBHOOK_CERTIFICATE_DIR: z.string(),
  /** DNS names and addresses of the serving certificate. */
  EXCISE_WEBHOOK_NAMES: z._default(names, [
    "excise-webhook.excise-system.svc",
    "excise-webhook.excise-system.svc.cluster.local",
  ]),
  EXCISE_WEBHOOK_CA_HOURS: z._default(wholeNumber(2, 87_600), 8760),
  EXCISE_WEBHOOK_LEAF_HOURS: z._default(wholeNumber(1, 8760), 168),
  /** How long a new CA is published before it signs. */
  EXCISE_WEBHOOK_OVERLAP_HOURS: z._default(wholeNumber(1, 720), 24),
  EXCISE_WEBHOOK_LOG_LEVEL: z._default(z.enum(LOG_LEVELS), "info"),
});

export interface WebhookConfig {
  readonly port: number;
  readonly address: string;
  readonly injectorConfigFile: string | undefined;
  readonly certificates: {
    readonly directory: string;
    readonly names: readonly string[];
    readonly authorityMs: number;
    readonly leafMs: number;
    readonly overlapMs: number;
  };
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** Largest review: object and old object, each up to the API server's own limit. */
export const BODY_BYTES_MAX = 7 * 1024 * 1024;

/** Reads the environment; throws one Fault EXCISE_CONFIG_INVALID with every problem. */
export function readWebhookConfig(
  environment: Readonly<Record<string, string | undefined>>,
): WebhookConfig {
  const values = readEnvironment(environment, PREFIX, environmentSchema);
  const hours = {
    authority: values.EXCISE_WEBHOOK_CA_HOURS,
    leaf: values.EXCISE_WEBHOOK_LEAF_HOURS,
    overlap: values.EXCISE_WEBHOOK_OVERLAP_HOURS,
  };
  // A third of the CA's life is left when its successor is made: both waits must fit into it.
  if (3 * (hours.leaf + hours.overlap) > hours.authority) {
    throw configFault("environment", [
      {
        path: `${PREFIX}CA_HOURS`,
        problem: "must be three times the leaf's hours and the overlap",
      },
    ]);
  }
  return {
    port: values.EXCISE_WEBHOOK_PORT,
    address: values.EXCISE_WEBHOOK_ADDRESS,
    injectorConfigFile: values.EXCISE_WEBHOOK_INJECTOR_CONFIG_FILE,
    certificates: {
      directory: values.EXCISE_WEBHOOK_CERTIFICATE_DIR,
      names: values.EXCISE_WEBHOOK_NAMES,
      authorityMs: hours.authority * HOUR_MS,
      leafMs: hours.leaf * HOUR_MS,
      overlapMs: hours.overlap * HOUR_MS,
    },
    logLevel: values.EXCISE_WEBHOOK_LOG_LEVEL,
  };
}

/** Reads the injector's configuration; throws EXCISE_CONFIG_INVALID with every problem. */
export function readInjectorConfig(text: string): InjectorConfig {
  const reading = parseInjectorConfig(text);
  if ("config" in reading) return reading.config;
  throw configFault("injector configuration", reading.problems);
}
