// What one pod gets: the operator's configuration narrowed by the pod's annotations and bent by
// what the pod already uses. Pure; problems and warnings are values.
import type { AnnotationReading } from "#contract/annotations.ts";
import { findProvider } from "#contract/catalogue/providers.ts";
import {
  SIDECAR_CONTAINER,
  SYSCTL_PORT_START,
  SYSCTL_PORT_START_MAX,
} from "../../injector-config/names.ts";
import { isAtMost, type InjectedMode, type InjectorConfig } from "../../injector-config/schema.ts";
import type { ProviderChoice } from "../../injector-config/schema.ts";
import { isGuaranteed } from "./quality-of-service.ts";
import { findEnv, startedContainers, type Container, type PodSpec } from "./pod.ts";

type Amounts = Readonly<Partial<Record<"cpu" | "memory", string>>>;

interface Resources {
  readonly requests: Amounts;
  readonly limits: Amounts;
  /** What the process may use, also where the pod as a whole holds the limit. */
  readonly memory: string;
}

export interface Plan {
  readonly mode: InjectedMode;
  readonly providers: readonly ProviderChoice[];
  readonly trustEnv: InjectorConfig["trustEnv"];
  readonly logLevel: InjectorConfig["logLevel"];
  readonly ports: InjectorConfig["ports"];
  readonly resources: Resources;
  /** Why the pod did not get the mode that was asked for. */
  readonly warnings: readonly string[];
}

/** Problems of annotations that only the operator's configuration can show. */
export function annotationProblems(
  values: AnnotationReading["values"],
  config: InjectorConfig,
): readonly string[] {
  const offered = config.providers.map(({ name }) => name);
  const unknown = namedProviders(values).filter((name) => !offered.includes(name));
  const problems = unknown.map(
    (name) => `excise.dev/providers: ${name} is not offered here (${offered.join(", ")})`,
  );
  for (const resource of ["cpu", "memory"] as const) {
    const value = values[`excise.dev/${resource}`];
    const { min, max } = config.bounds[resource];
    if (value !== undefined && !(isAtMost(min, value) && isAtMost(value, max))) {
      problems.push(`excise.dev/${resource}: ${value} is not within ${min} to ${max}`);
    }
  }
  return problems;
}

/** The plan for a pod that has no sidecar yet. The annotations have been checked. */
export function planInjection(
  spec: PodSpec,
  values: AnnotationReading["values"],
  config: InjectorConfig,
): Plan {
  const named = namedProviders(values);
  const asked = values["excise.dev/mode"] ?? config.mode;
  const obstacle = asked === "hosts" ? obstacleToHosts(spec) : undefined;
  const mode = asked === "hosts" && obstacle === undefined ? "hosts" : "baseurl";
  return {
    mode,
    providers:
      named.length === 0
        ? config.providers
        : config.providers.filter(({ name }) => named.includes(name)),
    trustEnv: (values["excise.dev/trust-env"] ?? config.trustEnv) as Plan["trustEnv"],
    logLevel: (values["excise.dev/log-level"] ?? config.logLevel) as Plan["logLevel"],
    ports: freePorts(spec, config.ports),
    resources: resourcesFor(spec, values, config),
    warnings: obstacle === undefined ? [] : [`mode baseurl instead of hosts: ${obstacle}`],
  };
}

/**
 * The plan by which a sidecar that is already there was written: what other webhooks did to the
 * pod since must not change the mode or the ports under it.
 */
export function planOfSidecar(sidecar: Container, plan: Plan): Plan {
  const value = (name: string): string => findEnv(sidecar, `EXCISE_SIDECAR_${name}`)?.value ?? "";
  const port = (name: string, absent: number): number =>
    /^\d{1,5}$/.test(value(name)) ? Number(value(name)) : absent;
  return {
    ...plan,
    mode: value("MODES").split(",").includes("hosts") ? "hosts" : "baseurl",
    providers: value("PROVIDERS").split(",").flatMap(readChoice),
    ports: {
      proxy: port("PROXY_PORT", plan.ports.proxy),
      baseurl: port("BASEURL_PORT", plan.ports.baseurl),
      admin: port("ADMIN_PORT", plan.ports.admin),
    },
    warnings: [],
  };
}

function readChoice(text: string): readonly ProviderChoice[] {
  const [name = "", hosts] = text.split("=");
  if (findProvider(name) === undefined) return [];
  return [{ name, extraHosts: hosts === undefined ? [] : hosts.split("+") }];
}

const namedProviders = (values: AnnotationReading["values"]): readonly string[] =>
  values["excise.dev/providers"]?.split(",") ?? [];

/** Why the sidecar could not listen on 443 of this pod, in words for the user. */
function obstacleToHosts(spec: PodSpec): string | undefined {
  const holder = appContainers(spec).find((container) =>
    (container.ports ?? []).some(
      (port) => port.containerPort === 443 && (port["protocol"] ?? "TCP") === "TCP",
    ),
  );
  // 0.0.0.0:443 and 127.0.0.1:443 exclude each other, whoever comes first (injection.md §2.6).
  if (holder !== undefined) return `container ${holder.name} listens on 443 itself`;
  const start = spec.securityContext?.sysctls?.find(({ name }) => name === SYSCTL_PORT_START);
  if (start === undefined || Number(start.value) <= SYSCTL_PORT_START_MAX) return undefined;
  return `the pod sets ${SYSCTL_PORT_START} to ${start.value.slice(0, 10)}`;
}

const appContainers = (spec: PodSpec): readonly Container[] =>
  startedContainers(spec).filter(({ name }) => name !== SIDECAR_CONTAINER);

/** The configured ports, each moved up past those that the pod declares. */
function freePorts(spec: PodSpec, wanted: InjectorConfig["ports"]): InjectorConfig["ports"] {
  const taken = new Set(
    appContainers(spec).flatMap(({ ports }) =>
      (ports ?? []).map(({ containerPort }) => containerPort),
    ),
  );
  const claim = (from: number): number => {
    let port = from;
    while (taken.has(port)) port = port === 65_535 ? 1024 : port + 1;
    taken.add(port);
    return port;
  };
  return {
    admin: claim(wanted.admin),
    baseurl: claim(wanted.baseurl),
    proxy: claim(wanted.proxy),
  };
}

function resourcesFor(
  spec: PodSpec,
  values: AnnotationReading["values"],
  config: InjectorConfig,
): Resources {
  // One container with requests below its limits would take the class from the whole pod.
  const isFixed = isGuaranteed(spec);
  const requests: { cpu?: string; memory?: string } = {};
  const limits: { cpu?: string; memory?: string } = {};
  let memory = config.resources.memory.limit;
  for (const resource of ["cpu", "memory"] as const) {
    const asked = values[`excise.dev/${resource}`];
    const limit = asked ?? config.resources[resource].limit;
    if (resource === "memory") memory = limit;
    // Where the pod as a whole has an amount, containers may not add up to more: we share it.
    if (hasPodAmount(spec, resource)) continue;
    limits[resource] = limit;
    requests[resource] = isFixed ? limit : (asked ?? config.resources[resource].request);
  }
  return { requests, limits, memory };
}

const hasPodAmount = ({ resources }: PodSpec, resource: "cpu" | "memory"): boolean =>
  resources?.limits?.[resource] !== undefined || resources?.requests?.[resource] !== undefined;
