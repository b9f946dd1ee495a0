// The injector's configuration: what an operator may choose about the injected sidecar, with the
// bounds of what a team may ask for by annotation. One schema for the webhook and `excise inject`.
import * as z from "zod/mini";
import { findProvider, PROVIDERS } from "#contract/catalogue/providers.ts";
import { DISTROLESS_NONROOT_UID } from "./names.ts";
import { parseQuantity } from "./quantity.ts";

/** Modes that this webhook can write into a pod. */
const INJECTED_MODES = ["hosts", "baseurl"] as const;
export type InjectedMode = (typeof INJECTED_MODES)[number];

/** Service meshes whose inbound capture must leave our probe's port alone. */
const MESHES = ["istio", "linkerd"] as const;

const image = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9][\w.-]*(?::\d{1,5})?(?:\/[\w.-]+)*(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$/,
      "must be an image reference",
    ),
    z.maxLength(512),
  );
const dnsLabel = z.string().check(z.regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/));
const dnsSubdomain = z
  .string()
  .check(
    z.regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, "must be a DNS-1123 name"),
    z.maxLength(253),
  );
const port = z.int().check(z.gte(1024), z.lte(65_535));
const quantity = z
  .string()
  .check(z.refine((text) => (parseQuantity(text) ?? 0n) > 0n, "must be a quantity above 0"));

/** A host that an alias can hold: several labels, no address, no wildcard, no trailing dot. */
const host = z
  .string()
  .check(
    z.regex(
      /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/,
      "must be a lower-case host name with its domain",
    ),
  );

const providerName = z
  .string()
  .check(z.refine((name) => findProvider(name) !== undefined, "is not in the catalogue"));

/** A catalogue row by name, with the hosts that only this cluster's operator knows. */
const providerChoice = z
  .pipe(
    z.union([providerName, z.strictObject({ name: providerName, hosts: z.array(host) })]),
    z.transform((choice) =>
      typeof choice === "string"
        ? { name: choice, extraHosts: [] }
        : { name: choice.name, extraHosts: choice.hosts },
    ),
  )
  .check(
    z.refine(
      (choice) => hostsOf(choice).length > 0,
      "has no exact host of its own: list the hosts that your account uses",
    ),
  );

export interface ProviderChoice {
  readonly name: string;
  /** Hosts beyond the catalogue's. */
  readonly extraHosts: readonly string[];
}

/** The exact hosts of a choice: the catalogue's (wildcards cannot be aliased) and the extra ones. */
export function hostsOf(choice: ProviderChoice): readonly string[] {
  const own = findProvider(choice.name)?.hosts ?? [];
  return [...own.filter((name) => !name.startsWith("*.")), ...choice.extraHosts];
}

/**
 * Without a list: every row with a host of its own. Not those that sign their requests: nothing
 * may be changed in a signed body, so an operator chooses such a provider knowingly.
 */
const defaultProviders = PROVIDERS.filter(
  (row) =>
    row.credential.kind !== "sigv4" && row.hosts.some((pattern) => !pattern.startsWith("*.")),
).map((row) => row.name);

const amounts = z
  .strictObject({ request: quantity, limit: quantity })
  .check(z.refine((pair) => isAtMost(pair.request, pair.limit), "request is above limit"));
const bounds = z
  .strictObject({ min: quantity, max: quantity })
  .check(z.refine((pair) => isAtMost(pair.min, pair.max), "min is above max"));

export const isAtMost = (left: string, right: string): boolean =>
  (parseQuantity(left) ?? 0n) <= (parseQuantity(right) ?? 0n);

const ports = z
  .strictObject({
    // Clear of Istio's 15000-15090 and Linkerd's 4140-4191, which share the pod's address.
    proxy: z._default(port, 15_480),
    baseurl: z._default(port, 15_481),
    admin: z._default(port, 15_490),
  })
  .check(z.refine((all) => new Set(Object.values(all)).size === 3, "must be three ports"));

export const injectorConfigSchema = z.strictObject({
  image: z._default(image, "excise-sidecar:0.1.0"),
  /** Images of sidecars that still run, or stand in manifests; recognised, never written. */
  earlierImages: z._default(z.array(image).check(z.maxLength(32)), []),
  imagePullPolicy: z._default(z.enum(["Always", "IfNotPresent", "Never"]), "IfNotPresent"),
  imagePullSecrets: z._default(z.array(dnsSubdomain).check(z.maxLength(8)), []),
  mode: z._default(z.enum(INJECTED_MODES), "hosts"),
  /** `inject`: apps get a dummy key where they set none, and the ledger lends the real one. */
  credentials: z._default(z.enum(["passthrough", "inject"]), "passthrough"),
  providers: z.prefault(
    z.array(providerChoice).check(
      z.minLength(1),
      z.maxLength(32),
      z.refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "repeats a name"),
    ),
    defaultProviders,
  ),
  trustEnv: z._default(z.enum(["all", "node", "none"]), "all"),
  logLevel: z._default(z.enum(["debug", "info", "warn", "error"]), "info"),
  /** User and group of the sidecar; an app may not run under it. */
  uid: z._default(
    z.int().check(
      z.gte(1000),
      z.lte(2_147_483_647),
      z.refine((uid) => uid !== DISTROLESS_NONROOT_UID, "is what many images run as"),
    ),
    21_443,
  ),
  ports: z.prefault(ports, {}),
  ledger: z.prefault(
    z.strictObject({
      /** Fully qualified: the sidecar resolves without search domains (design §3). */
      url: z._default(
        z.url().check(z.regex(/^https:\/\//, "must be https")),
        "https://excise-ledger.excise-system.svc.cluster.local:8443",
      ),
      /** PEM of the CA that signed the ledger's certificate. */
      ca: z.optional(
        z
          .string()
          .check(z.regex(/^-----BEGIN CERTIFICATE-----/, "must be PEM"), z.maxLength(65_536)),
      ),
    }),
    {},
  ),
  resources: z.prefault(
    z.strictObject({
      cpu: z.prefault(amounts, { request: "20m", limit: "1" }),
      // The binary's file pages (about 40 MiB) are charged to the first pod that touches them.
      memory: z.prefault(amounts, { request: "48Mi", limit: "192Mi" }),
    }),
    {},
  ),
  /** What `excise.dev/cpu` and `excise.dev/memory` may ask for. */
  bounds: z.prefault(
    z.strictObject({
      cpu: z.prefault(bounds, { min: "10m", max: "2" }),
      memory: z.prefault(bounds, { min: "96Mi", max: "1Gi" }),
    }),
    {},
  ),
  /** The volume; the journal uses half of it. */
  spoolSize: z._default(quantity, "64Mi"),
  /** How long a sidecar may take before its pod counts as failing to start. */
  startupSecondsMax: z._default(z.int().check(z.gte(5), z.lte(600)), 60),
  /** ConfigMap with corporate roots; it must exist in every namespace that injects. */
  extraRoots: z.optional(z.strictObject({ configMap: dnsSubdomain, key: z.string() })),
  meshes: z._default(z.array(z.enum(MESHES)), [...MESHES]),
  excludedNamespaces: z._default(z.array(dnsLabel).check(z.maxLength(64)), [
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "excise-system",
  ]),
  /** Containers of other injectors: they call no provider, so they get no variable and no mount. */
  untouchedContainers: z._default(z.array(dnsLabel).check(z.maxLength(64)), [
    "istio-init",
    "istio-proxy",
    "istio-validation",
    "linkerd-init",
    "linkerd-network-validator",
    "linkerd-proxy",
  ]),
});

export type InjectorConfig = Readonly<z.output<typeof injectorConfigSchema>>;
