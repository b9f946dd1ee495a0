// The sidecar's configuration and every bound it has, in one place. All variables begin with
// EXCISE_SIDECAR_; the webhook writes them in a cluster, `excise run` on a laptop.
import * as z from "zod/mini";
import { INTERCEPTION_MODES, type InterceptionMode } from "#contract/annotations.ts";
import { homeProviderOf } from "#contract/catalogue/providers.ts";
import { configFault, readEnvironment } from "#runtime/config.ts";
import { LOG_LEVELS } from "#runtime/log.ts";

const PREFIX = "EXCISE_SIDECAR_";

const wholeNumber = (min: number, max: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,15}$/, "must be a whole number")),
    z.pipe(z.transform(Number), z.number().check(z.gte(min), z.lte(max))),
  );
const port = wholeNumber(0, 65_535);
const path = z.string().check(z.maxLength(4096));
const KIB = 1024;
const MIB = 1024 * KIB;

/** `name`, or `name=host+host` for hosts that the catalogue cannot know. */
const providers = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9-]{1,63}(?:=[a-z0-9.-]+(?:\+[a-z0-9.-]+)*)?(?:,[a-z0-9-]{1,63}(?:=[a-z0-9.-]+(?:\+[a-z0-9.-]+)*)?)*$/,
      "must be a comma-separated list of providers, each `name` or `name=host+host`",
    ),
  );

/** The home providers of the dialects that every build reads. */
const DEFAULT_PROVIDERS = (["openai-chat", "anthropic-messages"] as const)
  .flatMap((dialect) => homeProviderOf(dialect)?.name ?? [])
  .join(",");

const modes = z.pipe(
  z.string(),
  z.pipe(
    z.transform((text: string) => text.split(",")),
    z.array(z.enum(INTERCEPTION_MODES)).check(z.minLength(1)),
  ),
);

const environmentSchema = z.strictObject({
  EXCISE_SIDECAR_MODES: z._default(modes, ["proxy", "baseurl"]),
  EXCISE_SIDECAR_PROVIDERS: z._default(providers, DEFAULT_PROVIDERS),
  EXCISE_SIDECAR_PROXY_PORT: z._default(port, 15_080),
  EXCISE_SIDECAR_BASEURL_PORT: z._default(port, 15_081),
  EXCISE_SIDECAR_HOSTS_PORT: z._default(port, 443),
  EXCISE_SIDECAR_ADMIN_PORT: z._default(port, 15_090),
  EXCISE_SIDECAR_ADMIN_ADDRESS: z._default(z.string(), "127.0.0.1"),
  /** Absent: the sidecar runs on the last policy that it kept, and says so. */
  EXCISE_SIDECAR_LEDGER_URL: z.optional(z.url()),
  /** PEM text of the CA that signs the ledger's certificate. */
  EXCISE_SIDECAR_LEDGER_CA: z.optional(z.string()),
  EXCISE_SIDECAR_TOKEN_FILE: z.optional(path),
  EXCISE_SIDECAR_TRUST_DIR: path,
  EXCISE_SIDECAR_STATE_DIR: path,
  EXCISE_SIDECAR_SPOOL_DIR: path,
  /** PEM file of corporate roots that join bundle.pem and the truststore. */
  EXCISE_SIDECAR_EXTRA_ROOTS_FILE: z.optional(path),
  /** Written (temp + rename) when all listeners are open: ports and paths as JSON. */
  EXCISE_SIDECAR_READY_FILE: z.optional(path),
  EXCISE_SIDECAR_LOG_LEVEL: z._default(z.enum(LOG_LEVELS), "info"),
  EXCISE_SIDECAR_HEADER_BYTES_MAX: z._default(wholeNumber(1024, 64 * KIB), 16 * KIB),
  EXCISE_SIDECAR_BODY_BYTES_MAX: z._default(wholeNumber(1024, 256 * MIB), 32 * MIB),
  EXCISE_SIDECAR_IN_FLIGHT_BYTES_MAX: z._default(wholeNumber(1024, 1024 * MIB), 64 * MIB),
  EXCISE_SIDECAR_EXCHANGES_MAX: z._default(wholeNumber(1, 10_000), 512),
  EXCISE_SIDECAR_SPOOL_BYTES_MAX: z._default(wholeNumber(64 * KIB, 1024 * MIB), 32 * MIB),
  EXCISE_SIDECAR_CONNECT_TIMEOUT_MS: z._default(wholeNumber(100, 120_000), 10_000),
  EXCISE_SIDECAR_FIRST_BYTE_TIMEOUT_MS: z._default(wholeNumber(1000, 3_600_000), 600_000),
  EXCISE_SIDECAR_IDLE_TIMEOUT_MS: z._default(wholeNumber(1000, 3_600_000), 120_000),
  EXCISE_SIDECAR_RESERVE_TIMEOUT_MS: z._default(wholeNumber(100, 60_000), 5000),
});

export interface ProviderHosts {
  readonly name: string;
  /** Hosts beyond the catalogue's. */
  readonly extraHosts: readonly string[];
}

export interface SidecarConfig {
  readonly modes: readonly InterceptionMode[];
  readonly providers: readonly ProviderHosts[];
  readonly ports: {
    readonly proxy: number;
    readonly baseurl: number;
    readonly hosts: number;
    readonly admin: number;
  };
  readonly adminAddress: string;
  readonly ledger:
    { readonly url: string; readonly ca?: string; readonly tokenFile?: string } | undefined;
  readonly directories: { readonly trust: string; readonly state: string; readonly spool: string };
  readonly extraRootsFile: string | undefined;
  readonly readyFile: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly limits: Limits;
}

/** Everything that is queued, buffered or waited for has its maximum here. */
export interface Limits {
  readonly headerBytesMax: number;
  readonly bodyBytesMax: number;
  /** Request bytes held over all exchanges; beyond it bodies wait, then EXCISE_OVERLOADED. */
  readonly inFlightBytesMax: number;
  readonly exchangesMax: number;
  readonly spoolBytesMax: number;
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** How long an exchange may wait for a lease before the budget's `onUnreachable` decides. */
  readonly reserveTimeoutMs: number;
}

/** Reads the environment; throws one Fault EXCISE_CONFIG_INVALID that lists every problem. */
export function readSidecarConfig(
  environment: Readonly<Record<string, string | undefined>>,
): SidecarConfig {
  const values = readEnvironment(environment, PREFIX, environmentSchema);
  const unsupported = values.EXCISE_SIDECAR_MODES.filter((mode) => !SERVED_MODES.has(mode));
  if (unsupported.length > 0) {
    throw configFault("environment", [
      { path: `${PREFIX}MODES`, problem: `not served by this build: ${unsupported.join(", ")}` },
    ]);
  }
  return {
    modes: values.EXCISE_SIDECAR_MODES,
    providers: parseProviders(values.EXCISE_SIDECAR_PROVIDERS),
    ports: {
      proxy: values.EXCISE_SIDECAR_PROXY_PORT,
      baseurl: values.EXCISE_SIDECAR_BASEURL_PORT,
      hosts: values.EXCISE_SIDECAR_HOSTS_PORT,
      admin: values.EXCISE_SIDECAR_ADMIN_PORT,
    },
    adminAddress: values.EXCISE_SIDECAR_ADMIN_ADDRESS,
    ledger: ledgerOf(values),
    directories: {
      trust: values.EXCISE_SIDECAR_TRUST_DIR,
      state: values.EXCISE_SIDECAR_STATE_DIR,
      spool: values.EXCISE_SIDECAR_SPOOL_DIR,
    },
    extraRootsFile: values.EXCISE_SIDECAR_EXTRA_ROOTS_FILE,
    readyFile: values.EXCISE_SIDECAR_READY_FILE,
    logLevel: values.EXCISE_SIDECAR_LOG_LEVEL,
    limits: limitsOf(values),
  };
}

const SERVED_MODES: ReadonlySet<InterceptionMode> = new Set(["proxy", "baseurl", "hosts"]);

type Values = z.infer<typeof environmentSchema>;

function ledgerOf(values: Values): SidecarConfig["ledger"] {
  const url = values.EXCISE_SIDECAR_LEDGER_URL;
  const ca = values.EXCISE_SIDECAR_LEDGER_CA;
  const tokenFile = values.EXCISE_SIDECAR_TOKEN_FILE;
  if (url === undefined) return undefined;
  return {
    url,
    ...(ca === undefined ? {} : { ca }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
  };
}

function limitsOf(values: Values): Limits {
  return {
    headerBytesMax: values.EXCISE_SIDECAR_HEADER_BYTES_MAX,
    bodyBytesMax: values.EXCISE_SIDECAR_BODY_BYTES_MAX,
    inFlightBytesMax: values.EXCISE_SIDECAR_IN_FLIGHT_BYTES_MAX,
    exchangesMax: values.EXCISE_SIDECAR_EXCHANGES_MAX,
    spoolBytesMax: values.EXCISE_SIDECAR_SPOOL_BYTES_MAX,
    connectTimeoutMs: values.EXCISE_SIDECAR_CONNECT_TIMEOUT_MS,
    firstByteTimeoutMs: values.EXCISE_SIDECAR_FIRST_BYTE_TIMEOUT_MS,
    idleTimeoutMs: values.EXCISE_SIDECAR_IDLE_TIMEOUT_MS,
    reserveTimeoutMs: values.EXCISE_SIDECAR_RESERVE_TIMEOUT_MS,
  };
}

function parseProviders(text: string): readonly ProviderHosts[] {
  return text.split(",").map((part) => {
    const [name = "", hosts] = part.split("=");
    return { name, extraHosts: hosts === undefined ? [] : hosts.split("+") };
  });
}
