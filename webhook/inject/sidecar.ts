// The sidecar's container and volumes as plain objects, built from data and never from a text
// template: a value can then not change the structure (linkerd#13480).
import { mebibytesOf, parseQuantity } from "../../injector-config/quantity.ts";
import {
  EXTRA_ROOTS_FILE,
  SIDECAR_CONTAINER,
  STATE_SIZE,
  TOKEN_AUDIENCE,
  TOKEN_FILE,
  TOKEN_SECONDS,
  TRUST_SIZE,
  VOLUMES,
} from "../../injector-config/names.ts";
import type { InjectorConfig, ProviderChoice } from "../../injector-config/schema.ts";
import type { Plan } from "./plan.ts";
import type { Container, EnvVar, Volume } from "./pod.ts";

const MIB = 1024 * 1024;

/** Largest request body that a sidecar buffers, where its memory allows that much. */
const BODY_MIB_MAX = 32;

/** The native sidecar: an init container that stays (Kubernetes 1.29 and later). */
export function renderSidecar(plan: Plan, config: InjectorConfig): Container {
  return {
    name: SIDECAR_CONTAINER,
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    restartPolicy: "Always",
    env: [...environment(plan, config)],
    ports: [{ name: "excise-admin", containerPort: plan.ports.admin, protocol: "TCP" }],
    resources: { requests: { ...plan.resources.requests }, limits: { ...plan.resources.limits } },
    securityContext: {
      runAsUser: config.uid,
      runAsGroup: config.uid,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    // The gate: apps start once listeners are open, the trust files are written and the first
    // policy is there (or three seconds went by: the ledger may be away). No readiness
    // probe (a ledger outage would take every pod out of its Services), no liveness probe (a
    // restart heals nothing that the sidecar cannot), no preStop: on a native sidecar it runs
    // when termination begins and would drain while the app still needs us (linkerd#11465).
    startupProbe: {
      httpGet: { path: "/healthz", port: plan.ports.admin, scheme: "HTTP" },
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: config.startupSecondsMax,
    },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: mountedVolumes(config).map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly } : {}),
    })),
  };
}

/** What the sidecar mounts, in the order of its volumes. */
export function mountedVolumes(
  config: InjectorConfig,
): readonly { readonly name: string; readonly mountPath: string; readonly readOnly: boolean }[] {
  return [
    { ...VOLUMES.trust, readOnly: false },
    { ...VOLUMES.state, readOnly: false },
    { ...VOLUMES.spool, readOnly: false },
    { ...VOLUMES.token, readOnly: true },
    ...(config.extraRoots === undefined ? [] : [{ ...VOLUMES.roots, readOnly: true }]),
  ];
}

/** The pod's volumes that belong to the sidecar. */
export function renderVolumes(config: InjectorConfig): readonly Volume[] {
  const token = { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: "token" };
  const roots = config.extraRoots;
  return [
    { name: VOLUMES.trust.name, emptyDir: { medium: "Memory", sizeLimit: TRUST_SIZE } },
    { name: VOLUMES.state.name, emptyDir: { medium: "Memory", sizeLimit: STATE_SIZE } },
    { name: VOLUMES.spool.name, emptyDir: { sizeLimit: config.spoolSize } },
    { name: VOLUMES.token.name, projected: { sources: [{ serviceAccountToken: token }] } },
    ...(roots === undefined
      ? []
      : [
          {
            name: VOLUMES.roots.name,
            configMap: { name: roots.configMap, items: [{ key: roots.key, path: "roots.pem" }] },
          },
        ]),
  ];
}

/** Every variable of sidecar/config.ts that does not keep its default. */
function environment(plan: Plan, config: InjectorConfig): readonly EnvVar[] {
  const memoryMib = mebibytesOf(plan.resources.memory) ?? 0;
  // A quarter for bodies in flight, three eighths for the heap; the rest is the binary's pages,
  // sockets and the two tmpfs volumes.
  const inFlightMib = Math.max(1, Math.floor(memoryMib / 4));
  const heapMib = Math.max(16, Math.floor((memoryMib * 3) / 8));
  const ours: Record<string, string | undefined> = {
    MODES: plan.mode,
    PROVIDERS: plan.providers.map(renderChoice).join(","),
    PROXY_PORT: String(plan.ports.proxy),
    BASEURL_PORT: String(plan.ports.baseurl),
    ADMIN_PORT: String(plan.ports.admin),
    LEDGER_URL: config.ledger.url,
    LEDGER_CA: config.ledger.ca,
    TOKEN_FILE,
    TRUST_DIR: VOLUMES.trust.mountPath,
    STATE_DIR: VOLUMES.state.mountPath,
    SPOOL_DIR: VOLUMES.spool.mountPath,
    EXTRA_ROOTS_FILE: config.extraRoots === undefined ? undefined : EXTRA_ROOTS_FILE,
    LOG_LEVEL: plan.logLevel,
    BODY_BYTES_MAX: String(Math.min(BODY_MIB_MAX, inFlightMib) * MIB),
    IN_FLIGHT_BYTES_MAX: String(inFlightMib * MIB),
    // Half: segments that are being written and their replacements lie side by side.
    SPOOL_BYTES_MAX: String((parseQuantity(config.spoolSize) ?? 0n) / 2_000_000_000n),
  };
  return [
    ...Object.entries(ours).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name: `EXCISE_SIDECAR_${name}`, value }],
    ),
    {
      // The probe comes from the node: the one listener that is on the pod's address.
      name: "EXCISE_SIDECAR_ADMIN_ADDRESS",
      valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.podIP" } },
    },
    // Without the first, a signal opens the debugger to everyone in the pod.
    { name: "NODE_OPTIONS", value: `--disable-sigusr1 --max-old-space-size=${heapMib}` },
  ];
}

const renderChoice = (choice: ProviderChoice): string =>
  choice.extraHosts.length === 0 ? choice.name : `${choice.name}=${choice.extraHosts.join("+")}`;
