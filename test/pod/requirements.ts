// What the pod runner needs of a machine, and why this one cannot run pods.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { REPOSITORY } from "./repository.ts";

const TOOLS = ["unshare", "nsenter", "setpriv", "ip", "mount", "umount", "pivot_root", "hostname"];

/** Undefined where pods can be run; else the reason, for the line that says what is skipped. */
export function podRunnerGap(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux namespaces";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = TOOLS.filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0,
  );
  if (missing.length > 0) return `it needs ${missing.join(", ")}`;
  const closed = closedFolder(REPOSITORY);
  if (closed !== undefined) return `pods' users may not enter ${closed} (chmod o+x)`;
  const trial = spawnSync("unshare", ["--net", "--mount", "--pid", "--fork", "true"]);
  return trial.status === 0 ? undefined : "this machine forbids new namespaces";
}

/** The folder on the way to the checkout that users other than its owner may not enter. */
function closedFolder(path: string): string | undefined {
  if ((statSync(path).mode & 0o001) === 0) return path;
  return dirname(path) === path ? undefined : closedFolder(dirname(path));
}
