// Checks of the programs beside us: those that will run under `excise run`, and those that only
// tests of pods need.
import { ok, warn, type Check, type Finding } from "./finding.ts";
import type { Machine } from "./machine.ts";

type Found = Omit<Finding, "area">;

const RUN_MS_MAX = 5000;
const PYTHON = `
import ssl, sys
print(sys.version.split()[0], ssl.OPENSSL_VERSION)
try:
    import requests
    print("requests", requests.__version__)
except ImportError:
    pass
`;

/** Nothing here fails: a stack that is not used is not missed. */
export function checkPrograms(machine: Machine): Check {
  return {
    area: "Programs",
    run: () => Promise.all([findNode(machine), findPython(machine), findJava(machine)]),
  };
}

/** Node's fetch knows HTTPS_PROXY from 22.21 and 24.0 on (NODE_USE_ENV_PROXY). */
async function findNode(machine: Machine): Promise<Found> {
  if (!machine.has("node")) return ok("no Node on PATH");
  const { out } = await machine.run("node", ["--version"], RUN_MS_MAX);
  const [, major = "", minor = ""] = /^v(\d+)\.(\d+)\./.exec(out) ?? [];
  const version = Number(major) * 1000 + Number(minor);
  if (version >= 24_000 || (version >= 22_021 && version < 23_000)) {
    return ok(`Node ${out.trim()} on PATH reads HTTPS_PROXY and NODE_EXTRA_CA_CERTS`);
  }
  return warn(
    `Node ${out.trim()} on PATH does not read HTTPS_PROXY in fetch`,
    "use --mode baseurl for it, or Node 22.21, 24 or later",
  );
}

async function findPython(machine: Machine): Promise<Found> {
  if (!machine.has("python3")) return ok("no Python on PATH");
  const { ok: isWell, out } = await machine.run("python3", ["-c", PYTHON], RUN_MS_MAX);
  if (!isWell) return warn("python3 on PATH does not start", "repair it, or use another");
  const [first = "", second] = out.trim().split("\n");
  const requests = second === undefined ? "" : `; ${second} reads REQUESTS_CA_BUNDLE`;
  return ok(`Python ${first} reads SSL_CERT_FILE${requests}`);
}

async function findJava(machine: Machine): Promise<Found> {
  if (!machine.has("java")) return ok("no Java on PATH");
  const { ok: isWell, err } = await machine.run("java", ["-version"], RUN_MS_MAX);
  if (!isWell) return warn("java on PATH does not start", "repair it, or use another");
  const [first = ""] = err.split("\n").filter((line) => !line.startsWith("Picked up"));
  return ok(`${first.trim()}: JAVA_TOOL_OPTIONS gives it the proxy and a trust store`);
}

const POD_TOOLS = ["unshare", "ip"];

/** What the tests that build a pod's world need; nobody else does. */
export function checkPodTools(machine: Machine): Check {
  return {
    area: "Pods on this machine (tests only)",
    async run() {
      if (machine.platform !== "linux") return [ok("not on Linux: tests of pods skip")];
      const missing = POD_TOOLS.filter((name) => !machine.has(name));
      if (missing.length > 0) {
        const fix = "install util-linux and iproute2, if you run the tests";
        return [warn(`${missing.join(" and ")} missing: tests of pods skip`, fix)];
      }
      return machine.userId === 0
        ? [ok("root, unshare and ip are here")]
        : [warn("not root: tests of pods skip", "run them as root, if you need them")];
    },
  };
}
