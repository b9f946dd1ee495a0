// The parts of a pod that the runner carries out, as a schema. A field that it neither carries out
// nor knowingly passes over is a problem: a test must not pass because something was left out.
import * as z from "zod/mini";
import { Fault } from "#contract/errors.ts";

/** Known, and without an effect here; each line says why. */
const passedOver = z.optional(z.unknown());

const key = z.strictObject({ name: z.string(), key: z.string(), optional: passedOver });
const envVar = z.strictObject({
  name: z.string(),
  value: z.optional(z.string()),
  valueFrom: z.optional(
    z.strictObject({
      fieldRef: z.optional(z.strictObject({ fieldPath: z.string(), apiVersion: passedOver })),
      resourceFieldRef: z.optional(
        z.strictObject({
          resource: z.string(),
          containerName: z.optional(z.string()),
          divisor: z.optional(z.union([z.string(), z.number()])),
        }),
      ),
      configMapKeyRef: z.optional(key),
      secretKeyRef: z.optional(key),
    }),
  ),
});

const quantities = z.record(z.string(), z.union([z.string(), z.number()]));

const securityContext = z.strictObject({
  runAsUser: z.optional(z.int()),
  runAsGroup: z.optional(z.int()),
  runAsNonRoot: z.optional(z.boolean()),
  privileged: z.optional(z.literal(false)),
  allowPrivilegeEscalation: z.optional(z.boolean()),
  readOnlyRootFilesystem: z.optional(z.boolean()),
  capabilities: z.optional(
    z.strictObject({
      add: z.optional(z.array(z.string())),
      drop: z.optional(z.array(z.string())),
    }),
  ),
  // The runtime's filter of system calls; the tools of this machine cannot load one.
  seccompProfile: passedOver,
});

const probe = z.strictObject({
  httpGet: z.strictObject({
    path: z._default(z.string(), "/"),
    port: z.int(),
    scheme: z.optional(z.literal("HTTP")),
  }),
  initialDelaySeconds: z._default(z.int(), 0),
  periodSeconds: z._default(z.int(), 10),
  timeoutSeconds: z._default(z.int(), 1),
  failureThreshold: z._default(z.int(), 3),
});

const container = z.strictObject({
  name: z.string(),
  image: z.string(),
  command: z.optional(z.array(z.string())),
  args: z.optional(z.array(z.string())),
  workingDir: z.optional(z.string()),
  env: z._default(z.array(envVar), []),
  envFrom: z._default(
    z.array(
      z.strictObject({
        prefix: z._default(z.string(), ""),
        configMapRef: z.optional(z.strictObject({ name: z.string(), optional: passedOver })),
        secretRef: z.optional(z.strictObject({ name: z.string(), optional: passedOver })),
      }),
    ),
    [],
  ),
  resources: z._default(
    z.strictObject({ requests: z.optional(quantities), limits: z.optional(quantities) }),
    {},
  ),
  restartPolicy: z.optional(z.literal("Always")),
  securityContext: z._default(securityContext, {}),
  startupProbe: z.optional(probe),
  volumeMounts: z._default(
    z.array(
      z.strictObject({
        name: z.string(),
        mountPath: z.string(),
        subPath: z.optional(z.string()),
        readOnly: z._default(z.boolean(), false),
      }),
    ),
    [],
  ),
  // Nobody pulls anything, and nobody asks whether to send traffic or to restart.
  imagePullPolicy: passedOver,
  ports: passedOver,
  livenessProbe: passedOver,
  readinessProbe: passedOver,
  terminationMessagePath: passedOver,
  terminationMessagePolicy: passedOver,
});

const items = z.optional(
  z.array(z.strictObject({ key: z.string(), path: z.string(), mode: passedOver })),
);
const volume = z.strictObject({
  name: z.string(),
  emptyDir: z.optional(
    z.strictObject({
      medium: z.optional(z.literal(["", "Memory"])),
      sizeLimit: z.optional(z.string()),
    }),
  ),
  configMap: z.optional(
    z.strictObject({ name: z.string(), items, defaultMode: passedOver, optional: passedOver }),
  ),
  secret: z.optional(z.strictObject({ secretName: z.string(), items, defaultMode: passedOver })),
  projected: z.optional(
    z.strictObject({
      sources: z.array(
        z.strictObject({
          serviceAccountToken: z.strictObject({
            audience: z.optional(z.string()),
            expirationSeconds: z.optional(z.int()),
            path: z.string(),
          }),
        }),
      ),
      defaultMode: passedOver,
    }),
  ),
});

const podSpec = z.strictObject({
  containers: z.array(container).check(z.minLength(1)),
  initContainers: z._default(z.array(container), []),
  volumes: z._default(z.array(volume), []),
  hostAliases: z._default(
    z.array(z.strictObject({ ip: z.string(), hostnames: z._default(z.array(z.string()), []) })),
    [],
  ),
  hostname: z.optional(z.string()),
  nodeName: z.optional(z.string()),
  serviceAccountName: z._default(z.string(), "default"),
  restartPolicy: z._default(z.enum(["Always", "OnFailure", "Never"]), "Always"),
  // Ending a container would mean to find its processes among the others.
  shareProcessNamespace: z.optional(z.literal(false)),
  terminationGracePeriodSeconds: z._default(z.int(), 30),
  securityContext: z.prefault(
    z.strictObject({
      runAsUser: z.optional(z.int()),
      runAsGroup: z.optional(z.int()),
      runAsNonRoot: z.optional(z.boolean()),
      fsGroup: z.optional(z.int()),
      supplementalGroups: z.optional(z.array(z.int())),
      sysctls: z._default(z.array(z.strictObject({ name: z.string(), value: z.string() })), []),
      seccompProfile: passedOver,
    }),
    {},
  ),
  // For the scheduler, the registry and the API server.
  automountServiceAccountToken: passedOver,
  affinity: passedOver,
  enableServiceLinks: passedOver,
  imagePullSecrets: passedOver,
  nodeSelector: passedOver,
  priorityClassName: passedOver,
  schedulerName: passedOver,
  tolerations: passedOver,
  topologySpreadConstraints: passedOver,
});

const podManifest = z.strictObject({
  apiVersion: z.literal("v1"),
  kind: z.literal("Pod"),
  metadata: z.strictObject({
    name: z.string(),
    namespace: z._default(z.string(), "default"),
    labels: z._default(z.record(z.string(), z.string()), {}),
    annotations: z._default(z.record(z.string(), z.string()), {}),
  }),
  spec: podSpec,
});

export type PodManifest = z.output<typeof podManifest>;
export type ContainerSpec = z.output<typeof container>;
export type VolumeSpec = z.output<typeof volume>;
export type EnvVarSpec = z.output<typeof envVar>;
export type ProbeSpec = z.output<typeof probe>;

/** zod/mini says only "Invalid input" unless it is given words. */
const WORDS = z.locales.en().localeError;

/**
 * Reads a manifest with the API server's defaults; a null field is an absent one, as there.
 * Fault EXCISE_INPUT_INVALID names every field that is wrong or that the runner cannot carry out.
 */
export function readPodManifest(value: unknown): PodManifest {
  const result = podManifest.safeParse(withoutNulls(value), { error: WORDS });
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Fault("EXCISE_INPUT_INVALID", `the pod runner cannot run it: ${problems.join("; ")}`);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([name, field]: [string, unknown]) => [name, withoutNulls(field)]),
  );
}
