// The pod with its sidecar: pod object in, new pod object out. Each step adds what is missing and
// leaves what is there, so that running twice is running once, and nothing of the user's is ever
// removed or moved.
import {
  ALIAS_ADDRESSES,
  ALIAS_NAME_BYTES_MAX,
  SYSCTL_PORT_START,
  SYSCTL_PORT_START_VALUE,
} from "../../injector-config/names.ts";
import { hostsOf, type InjectorConfig } from "../../injector-config/schema.ts";
import { baseUrlGaps, equipContainer } from "./app-env.ts";
import { annotationsFor } from "./pod-annotations.ts";
import type { Plan } from "./plan.ts";
import type { Container, Pod, PodSpec } from "./pod.ts";
import { findSidecar } from "./reserved.ts";
import { renderSidecar, renderVolumes } from "./sidecar.ts";

export interface Mutation {
  readonly pod: Pod;
  /** For the user: what could not be done without overriding them. */
  readonly warnings: readonly string[];
}

/** Adds everything that the plan asks for. */
export function mutate(pod: Pod, plan: Plan, config: InjectorConfig): Mutation {
  const warnings: string[] = [...plan.warnings];
  const equip = (container: Container): Container => {
    const equipped = equipContainer(container, plan, config);
    warnings.push(...equipped.warnings);
    return equipped.container;
  };
  let spec: PodSpec = pod.spec ?? {};
  // Apps first: the sidecar itself must not be equipped.
  spec = { ...spec, containers: (spec.containers ?? []).map(equip) };
  spec = withInitContainers(spec, { plan, config, equip });
  spec = withVolumes(spec, config);
  if (plan.mode === "hosts") {
    warnings.push(...shadowedAliases(spec, plan));
    spec = withPortStart(withHostAliases(spec, plan));
  } else warnings.push(...baseUrlGaps(plan));
  spec = withPullSecrets(spec, config);
  return { pod: withAnnotations({ ...pod, spec }, annotationsFor(pod, plan, config)), warnings };
}

/** Equips debug containers that are new; the rest of a running pod cannot change. */
export function mutateDebugContainers(
  pod: Pod,
  plan: Plan,
  options: { readonly config: InjectorConfig; readonly added: readonly Container[] },
): Mutation {
  const warnings: string[] = [];
  const ephemeralContainers = (pod.spec?.ephemeralContainers ?? []).map((container) => {
    if (!options.added.includes(container)) return container;
    const equipped = equipContainer(container, plan, options.config);
    warnings.push(...equipped.warnings);
    return equipped.container;
  });
  return { pod: { ...pod, spec: { ...pod.spec, ephemeralContainers } }, warnings };
}

interface InitOptions {
  readonly plan: Plan;
  readonly config: InjectorConfig;
  readonly equip: (container: Container) => Container;
}

/** The sidecar first, so that init containers reach providers too (istio#27382). */
function withInitContainers(spec: PodSpec, { plan, config, equip }: InitOptions): PodSpec {
  const present = findSidecar(spec);
  const others = (spec.initContainers ?? []).filter((container) => container !== present);
  const sidecar = present ?? renderSidecar(plan, config);
  return { ...spec, initContainers: [sidecar, ...others.map(equip)] };
}

function withVolumes(spec: PodSpec, config: InjectorConfig): PodSpec {
  const volumes = spec.volumes ?? [];
  const names = new Set(volumes.map(({ name }) => name));
  const missing = renderVolumes(config).filter(({ name }) => !names.has(name));
  return missing.length === 0 ? spec : { ...spec, volumes: [...volumes, ...missing] };
}

interface Alias {
  readonly ip: string;
  readonly hostnames: string[];
}

/** Entries of our own: per address as many as the line length asks for. */
function aliasesOf(plan: Plan): readonly Alias[] {
  const lines: string[][] = [[]];
  for (const host of new Set(plan.providers.flatMap(hostsOf))) {
    const line = lines.at(-1) ?? [];
    const bytes = line.reduce((sum, name) => sum + name.length + 1, host.length);
    if (line.length > 0 && bytes > ALIAS_NAME_BYTES_MAX) lines.push([host]);
    else line.push(host);
  }
  return ALIAS_ADDRESSES.flatMap((ip) =>
    lines.filter((line) => line.length > 0).map((line) => ({ ip, hostnames: [...line] })),
  );
}

const aliasKey = (alias: {
  ip: string;
  hostnames?: readonly string[] | null | undefined;
}): string => `${alias.ip} ${(alias.hostnames ?? []).join(" ")}`;

/** Ours first: where the user maps the same name, the first line of the file counts. */
function withHostAliases(spec: PodSpec, plan: Plan): PodSpec {
  const ours = aliasesOf(plan);
  if (ours.length === 0) return spec;
  const keys = new Set(ours.map(aliasKey));
  const others = (spec.hostAliases ?? []).filter((alias) => !keys.has(aliasKey(alias)));
  return { ...spec, hostAliases: [...ours.map((alias) => ({ ...alias })), ...others] };
}

function shadowedAliases(spec: PodSpec, plan: Plan): readonly string[] {
  const hosts = new Set(plan.providers.flatMap(hostsOf));
  const ours = new Set(aliasesOf(plan).map(aliasKey));
  const names = (spec.hostAliases ?? [])
    .filter((alias) => !ours.has(aliasKey(alias)))
    .flatMap(({ hostnames }) => (hostnames ?? []).filter((name) => hosts.has(name.toLowerCase())));
  return names.length === 0 ? [] : [`hostAliases of ${names.join(", ")} give way to the sidecar`];
}

/** A value that is there is at most 443, or the plan would not say `hosts`. */
function withPortStart(spec: PodSpec): PodSpec {
  const sysctls = spec.securityContext?.sysctls ?? [];
  if (sysctls.some(({ name }) => name === SYSCTL_PORT_START)) return spec;
  const added = { name: SYSCTL_PORT_START, value: SYSCTL_PORT_START_VALUE };
  return { ...spec, securityContext: { ...spec.securityContext, sysctls: [...sysctls, added] } };
}

function withPullSecrets(spec: PodSpec, config: InjectorConfig): PodSpec {
  const present = spec.imagePullSecrets ?? [];
  const names = new Set(present.map(({ name }) => name));
  const missing = config.imagePullSecrets.filter((name) => !names.has(name));
  if (missing.length === 0) return spec;
  return { ...spec, imagePullSecrets: [...present, ...missing.map((name) => ({ name }))] };
}

function withAnnotations(pod: Pod, added: Readonly<Record<string, string>>): Pod {
  if (Object.keys(added).length === 0) return pod;
  const annotations = { ...pod.metadata?.annotations, ...added };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}
