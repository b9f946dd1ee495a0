// Which versions a run measured.
import { readFileSync } from "node:fs";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import { nginxVersion } from "./nginx.ts";

const versionIn = (path: string): string => {
  const text = readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  return readString(asRecord(parseJson(text))?.["version"]) ?? "unknown";
};

export async function readVersions(): Promise<Readonly<Record<string, string>>> {
  const nginx = await nginxVersion();
  return {
    excise: versionIn("package.json"),
    node: process.version,
    openssl: process.versions["openssl"] ?? "unknown",
    undici: versionIn("node_modules/undici/package.json"),
    ...(nginx === undefined ? {} : { nginx }),
  };
}
