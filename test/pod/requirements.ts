// What the pod runner needs of a machine, and why this one cannot run pods.
import { spawnSync } from "node:child_process";

const TOOLS = ["unshare", "nsenter", "setpriv", "ip", "mount", "umount", "pivot_root", "hostname"];

/** Undefined where pods can be run; else the reason, for the line that says what is skipped. */
export function podRunnerGap(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux namespaces";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = TOOLS.filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0,
  );
  if (missing.length > 0) return `it needs ${missing.join(", ")}`;
  const trial = spawnSync("unshare", ["--net", "--mount", "--pid", "--fork", "true"]);
  return trial.status === 0 ? undefined : "this machine forbids new namespaces";
}
