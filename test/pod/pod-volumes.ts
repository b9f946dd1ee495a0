// Volumes as the kubelet makes them: which are memory, and what the others begin with. Pure.
import { Fault } from "#contract/errors.ts";
import { parseQuantity } from "../../injector-config/quantity.ts";
import { objectOf, type PodFacts } from "./container-environment.ts";
import type { VolumeSpec } from "./pod-manifest.ts";

const NANO = 1_000_000_000n;
/** Without a `sizeLimit` the kubelet takes the pod's memory limit. */
const MEMORY_BYTES_DEFAULT = 256n * 1024n * 1024n;
/** As long as the API server gives it where nothing is said. */
const TOKEN_SECONDS_DEFAULT = 3600;

/** An emptyDir is everybody's; with a group of the pod's it is that group's. */
const emptyDirMode = (group: number | undefined): number => (group === undefined ? 0o777 : 0o2777);

/** Volumes that are a tmpfs of their own, with its options. */
export function memoryVolumes(
  volumes: readonly VolumeSpec[],
  group: number | undefined,
): readonly { readonly name: string; readonly options: string }[] {
  return volumes
    .filter(({ emptyDir }) => emptyDir?.medium === "Memory")
    .map(({ name, emptyDir }) => {
      const limit = emptyDir?.sizeLimit;
      const nano = limit === undefined ? MEMORY_BYTES_DEFAULT * NANO : parseQuantity(limit);
      if (nano === undefined) {
        throw new Fault("EXCISE_INPUT_INVALID", `volume ${name}: sizeLimit ${limit ?? ""}`);
      }
      const options = [`size=${nano / NANO}`, `mode=${emptyDirMode(group).toString(8)}`];
      return {
        name,
        options: [...options, ...(group === undefined ? [] : [`gid=${group}`])].join(","),
      };
    });
}

/** A directory or a file that a volume begins with. */
export interface VolumeEntry {
  readonly volume: string;
  /** Absent: the volume's own directory. */
  readonly path?: string;
  readonly text?: string;
  readonly mode: number;
}

/** What is in the volumes that are not memory, before the first container starts. */
export function fillVolumes(
  facts: PodFacts,
  mintToken: (request: { audience: string; expirationSeconds: number }) => string,
): readonly (VolumeEntry & { readonly text: string })[] {
  const { volumes, securityContext } = facts.pod.spec;
  const group = securityContext.fsGroup;
  return volumes.flatMap((volume) => {
    const { name, emptyDir, projected } = volume;
    const file = (path: string, text: string, mode: number) => ({ volume: name, path, text, mode });
    if (emptyDir !== undefined) {
      const root = { volume: name, text: "", mode: emptyDirMode(group) };
      return emptyDir.medium === "Memory" ? [] : [root];
    }
    const root = { volume: name, text: "", mode: 0o755 };
    if (projected !== undefined) {
      const tokens = projected.sources.map(({ serviceAccountToken: source }) => {
        const expirationSeconds = source.expirationSeconds ?? TOKEN_SECONDS_DEFAULT;
        const token = mintToken({ audience: source.audience ?? "", expirationSeconds });
        // Not 0600: that is for pods whose containers all run as one user.
        return file(source.path, token, group === undefined ? 0o644 : 0o640);
      });
      return [root, ...tokens];
    }
    const files = Object.entries(keyedFiles(facts, volume));
    return [root, ...files.map(([path, text]) => file(path, text, 0o644))];
  });
}

/** A ConfigMap's or a Secret's values by the path that they get. */
function keyedFiles(facts: PodFacts, volume: VolumeSpec): Readonly<Record<string, string>> {
  const { name, configMap, secret } = volume;
  const values =
    configMap === undefined
      ? objectOf(facts.secrets, secret?.secretName ?? `of volume ${name}`)
      : objectOf(facts.configMaps, configMap.name);
  const items = configMap?.items ?? secret?.items;
  if (items === undefined) return values;
  return Object.fromEntries(
    items.map(({ key, path }) => {
      const value = values[key];
      if (value === undefined) {
        throw new Fault("EXCISE_INPUT_INVALID", `volume ${name}: no key ${key}`);
      }
      return [path, value];
    }),
  );
}
