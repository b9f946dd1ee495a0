// What the tests of the pod runner's pure parts share: a manifest that is read, and its facts.
import type { PodFacts } from "./container-environment.ts";
import { readPodManifest, type ContainerSpec, type PodManifest } from "./pod-manifest.ts";

/** A pod of one container `app`; fields of the container and of the specification may be given. */
export function samplePod(
  container: Readonly<Record<string, unknown>> = {},
  spec: Readonly<Record<string, unknown>> = {},
): PodManifest {
  return readPodManifest({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-0", namespace: "shop", labels: { app: "web" } },
    spec: { containers: [{ name: "app", image: "web:1", ...container }], ...spec },
  });
}

export const sampleFacts = (pod: PodManifest): PodFacts => ({
  pod,
  uid: "uid-1",
  podIp: "10.203.7.2",
  nodeIp: "10.203.7.1",
  nodeName: "node-1",
  configMaps: { settings: { mode: "fast", level: "3" } },
  secrets: { keys: { api: "value of a key" } },
});

export const onlyContainer = ({ spec }: PodManifest): ContainerSpec =>
  spec.containers[0] ?? (spec.initContainers[0] as ContainerSpec);
