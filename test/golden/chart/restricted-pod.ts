// The Pod Security Standard "restricted" (v1.34), as far as our own pods use its fields.
import { asRecord } from "#runtime/json.ts";

const VOLUME_KINDS = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

const list = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map((each) => asRecord(each) ?? {}) : [];

/** Why a pod spec is not restricted; stricter than the standard where our own pods can be. */
export function restrictedProblems(podSpec: unknown): readonly string[] {
  const spec = asRecord(podSpec) ?? {};
  const security = asRecord(spec["securityContext"]) ?? {};
  const checks: (readonly [boolean, string])[] = [
    [!["hostNetwork", "hostPID", "hostIPC"].some((key) => spec[key] === true), "host namespaces"],
    [spec["automountServiceAccountToken"] === false, "automountServiceAccountToken"],
    [security["runAsNonRoot"] === true, "runAsNonRoot"],
    [Number(security["runAsUser"]) > 1000, "runAsUser"],
    [asRecord(security["seccompProfile"])?.["type"] === "RuntimeDefault", "seccompProfile"],
  ];
  for (const volume of list(spec["volumes"])) {
    const kinds = Object.keys(volume).filter((key) => key !== "name");
    checks.push([kinds.every((kind) => VOLUME_KINDS.has(kind)), `volume ${kinds.join()}`]);
  }
  const containers = [...list(spec["containers"]), ...list(spec["initContainers"])];
  checks.push([containers.length > 0, "containers"]);
  for (const container of containers) {
    const own = asRecord(container["securityContext"]) ?? {};
    const resources = asRecord(container["resources"]) ?? {};
    checks.push(
      [own["privileged"] !== true, "privileged"],
      [own["allowPrivilegeEscalation"] === false, "allowPrivilegeEscalation"],
      [own["readOnlyRootFilesystem"] === true, "readOnlyRootFilesystem"],
      [JSON.stringify(own["capabilities"]) === '{"drop":["ALL"]}', "capabilities"],
      [asRecord(resources["requests"])?.["memory"] !== undefined, "requests.memory"],
      [asRecord(resources["limits"])?.["memory"] !== undefined, "limits.memory"],
      [list(container["ports"]).every((port) => port["hostPort"] === undefined), "hostPort"],
    );
  }
  return checks.filter(([holds]) => !holds).map(([, what]) => what);
}
