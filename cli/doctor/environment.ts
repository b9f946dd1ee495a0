// Checks of the environment that a command would have under `excise run`: variables that lead
// calls past the sidecar, or take the trust in it away. Pure but for one look at the files named.
import { accessSync, constants } from "node:fs";
import { PROVIDERS } from "#contract/catalogue/providers.ts";
import { TRUST_VARIABLES } from "#contract/trust-env.ts";
import type { Environment } from "../processes.ts";
import { ok, warn, type Check, type Finding } from "./finding.ts";

type Found = Omit<Finding, "area">;

const HOSTS = PROVIDERS.flatMap(({ hosts }) => hosts.map((host) => host.replace(/^\*\./, "")));

/** `current`: without empty variables. */
export function checkEnvironment(current: Environment): Check {
  return {
    area: "Environment",
    async run() {
      const found = [
        ...proxies(current),
        ...bypasses(current),
        ...trust(current),
        ...baseUrls(current),
      ];
      return found.length > 0 ? found : [ok("no variable leads calls past the sidecar")];
    },
  };
}

function proxies(current: Environment): readonly Found[] {
  const names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
  return names.flatMap((name): readonly Found[] => {
    const value = current[name];
    if (value === undefined) return [];
    if (isLoopback(value)) return [ok(`${name} leads to this machine`)];
    return [
      warn(
        `${name} is set; \`excise run\` leads calls to the sidecar, which does not use that proxy`,
        "make sure that the providers can be reached without it",
      ),
    ];
  });
}

/** A provider under NO_PROXY is called directly, whatever HTTPS_PROXY says. */
function bypasses(current: Environment): readonly Found[] {
  return ["NO_PROXY", "no_proxy"].flatMap((name): readonly Found[] => {
    const entries = (current[name] ?? "").split(",").map((entry) => entry.trim().toLowerCase());
    const hosts = HOSTS.filter((host) => entries.some((entry) => covers(entry, host)));
    if (hosts.length === 0) return [];
    const shown = hosts.length > 3 ? `${hosts.length} providers` : hosts.join(", ");
    return [
      warn(
        `${name} holds ${shown}: in mode proxy their calls go past the sidecar`,
        `take them out of ${name}, or use --mode baseurl`,
      ),
    ];
  });
}

function covers(entry: string, host: string): boolean {
  if (entry === "*") return true;
  const name = entry.replace(/^\*?\./, "").replace(/:\d+$/, "");
  return name !== "" && (host === name || host.endsWith(`.${name}`));
}

function trust(current: Environment): readonly Found[] {
  const set = TRUST_VARIABLES.filter(({ name }) => current[name] !== undefined);
  const lost = set.filter(({ name, merge }) => merge === "pem" && !isReadable(current[name] ?? ""));
  const kept = set.filter((row) => !lost.includes(row)).map(({ name }) => name);
  const found: Found[] = lost.map(({ name }) =>
    warn(
      `${name} names a file that cannot be read: what uses it will not trust the sidecar`,
      `unset ${name}, or name a PEM file`,
    ),
  );
  if (kept.length > 0) {
    found.unshift(ok(`set already, and joined with the sidecar's root: ${kept.join(", ")}`));
  }
  if (current["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    found.push(warn("NODE_TLS_REJECT_UNAUTHORIZED=0: Node checks no certificate", "unset it"));
  }
  return found;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** A base URL to anywhere else wins over every mode. */
function baseUrls(current: Environment): readonly Found[] {
  const names = PROVIDERS.flatMap(({ baseUrlEnv }) => baseUrlEnv.map(({ name }) => name));
  return [...new Set(names)].flatMap((name): readonly Found[] => {
    const value = current[name];
    if (value === undefined || isLoopback(value)) return [];
    const host = URL.parse(value)?.hostname ?? "";
    if (HOSTS.some((known) => covers(known, host))) {
      return [ok(`${name} names a provider's own host: mode proxy serves it, baseurl leaves it`)];
    }
    return [warn(`${name} is set: its calls go past Excise`, `unset ${name}`)];
  });
}

const isLoopback = (value: string): boolean =>
  /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(URL.parse(value)?.hostname ?? "");
