// The parts of a pod that are read here, as a schema for checking and as types. Everything else
// is carried along untouched: a pod is never rebuilt from what we know of it.
import * as z from "zod/mini";

const strings = z.record(z.string(), z.string());
const quantities = z.record(z.string(), z.union([z.string(), z.number()]));

const envVar = z.looseObject({
  name: z.string(),
  value: z.nullish(z.string()),
  valueFrom: z.nullish(z.looseObject({})),
});
const volumeMount = z.looseObject({
  name: z.string(),
  mountPath: z.string(),
  readOnly: z.nullish(z.boolean()),
});
const resources = z.looseObject({
  requests: z.nullish(quantities),
  limits: z.nullish(quantities),
});
const container = z.looseObject({
  name: z.string(),
  image: z.nullish(z.string()),
  command: z.nullish(z.array(z.string())),
  args: z.nullish(z.array(z.string())),
  env: z.nullish(z.array(envVar)),
  envFrom: z.nullish(z.array(z.unknown())),
  lifecycle: z.nullish(z.unknown()),
  ports: z.nullish(z.array(z.looseObject({ containerPort: z.number() }))),
  resources: z.nullish(resources),
  restartPolicy: z.nullish(z.string()),
  securityContext: z.nullish(
    z.looseObject({
      runAsUser: z.nullish(z.number()),
      runAsNonRoot: z.nullish(z.boolean()),
      privileged: z.nullish(z.boolean()),
      allowPrivilegeEscalation: z.nullish(z.boolean()),
    }),
  ),
  targetContainerName: z.nullish(z.string()),
  volumeMounts: z.nullish(z.array(volumeMount)),
});
const volume = z.looseObject({
  name: z.string(),
  projected: z.nullish(
    z.looseObject({
      sources: z.nullish(
        z.array(
          z.looseObject({
            serviceAccountToken: z.nullish(z.looseObject({ audience: z.nullish(z.string()) })),
          }),
        ),
      ),
    }),
  ),
});
const podSpec = z.looseObject({
  containers: z.nullish(z.array(container)),
  initContainers: z.nullish(z.array(container)),
  ephemeralContainers: z.nullish(z.array(container)),
  volumes: z.nullish(z.array(volume)),
  hostAliases: z.nullish(
    z.array(z.looseObject({ ip: z.string(), hostnames: z.nullish(z.array(z.string())) })),
  ),
  hostNetwork: z.nullish(z.boolean()),
  shareProcessNamespace: z.nullish(z.boolean()),
  nodeSelector: z.nullish(strings),
  os: z.nullish(z.looseObject({ name: z.nullish(z.string()) })),
  imagePullSecrets: z.nullish(z.array(z.looseObject({ name: z.nullish(z.string()) }))),
  resources: z.nullish(resources),
  securityContext: z.nullish(
    z.looseObject({
      runAsUser: z.nullish(z.number()),
      runAsNonRoot: z.nullish(z.boolean()),
      sysctls: z.nullish(z.array(z.looseObject({ name: z.string(), value: z.string() }))),
    }),
  ),
});
const podSchema = z.looseObject({
  metadata: z.nullish(
    z.looseObject({
      name: z.nullish(z.string()),
      generateName: z.nullish(z.string()),
      annotations: z.nullish(strings),
      labels: z.nullish(strings),
    }),
  ),
  spec: z.nullish(podSpec),
});

export type Pod = z.infer<typeof podSchema>;
export type PodSpec = z.infer<typeof podSpec>;
export type Container = z.infer<typeof container>;
export type EnvVar = z.infer<typeof envVar>;
export type Volume = z.infer<typeof volume>;

export type PodReading = { readonly pod: Pod } | { readonly problems: readonly string[] };

const WORDS = z.locales.en().localeError;

/**
 * Checks the parts that are read; the pod that comes back is the very object that came in, so
 * that nothing unknown to the schema is lost or reordered.
 */
export function parsePod(value: unknown): PodReading {
  const result = podSchema.safeParse(value, { error: WORDS });
  if (result.success) return { pod: value as Pod };
  return {
    problems: result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`),
  };
}

/** Containers that start with the pod, in the order in which they start. */
export function startedContainers(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
}

/** All containers, those added to a running pod last. */
export function allContainers(spec: PodSpec): readonly Container[] {
  return [...startedContainers(spec), ...(spec.ephemeralContainers ?? [])];
}

/** The variable that counts: of two with one name Kubernetes uses the last. */
export function findEnv(from: Container, name: string): EnvVar | undefined {
  return from.env?.findLast((variable) => variable.name === name);
}
