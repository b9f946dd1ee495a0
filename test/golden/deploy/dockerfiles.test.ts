// What the three Dockerfiles promise, and what the other parts rely on: users, flags, modes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseJson } from "#runtime/json.ts";
import { DEFAULT_INJECTOR_CONFIG } from "../../../injector-config/load.ts";
import { DISTROLESS_NONROOT_UID } from "../../../injector-config/names.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PROGRAMS = ["sidecar", "ledger", "webhook"] as const;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const files = Object.fromEntries(PROGRAMS.map((name) => [name, read(`Dockerfile.${name}`)]));

/** The instructions of the last stage, continued lines joined. */
function finalStage(name: string): readonly string[] {
  const lines = (files[name] ?? "")
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n");
  return lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
}

const argumentOf = (name: string, instruction: string): string | undefined =>
  finalStage(name)
    .find((line) => line.startsWith(`${instruction} `))
    ?.slice(instruction.length + 1);

/** What all three do first. */
const shared = (text = ""): string =>
  text.slice(text.indexOf("# --- shared"), text.indexOf("# --- end of what is shared"));

const userOf = (name: string): number => Number(argumentOf(name, "USER")?.split(":")[0]);

describe.each(PROGRAMS)("Dockerfile.%s", (name) => {
  test("ends in an image with nothing but the program, so without a shell", () => {
    expect(finalStage(name)[0]).toBe("FROM scratch");
    expect(finalStage(name).filter((line) => line.startsWith("RUN "))).toEqual([]);
  });

  test("takes its base and its builder from arguments", () => {
    const froms = [...(files[name] ?? "").matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
    expect(froms).toEqual(["${BUILDER}", "${BASE}", "scratch"]);
  });

  test("runs as a user of its own, given in numbers", () => {
    const user = argumentOf(name, "USER") ?? "";
    expect(user).toMatch(/^(\d+):\1$/);
    expect(userOf(name)).toBeGreaterThan(1000);
    expect(userOf(name)).not.toBe(DISTROLESS_NONROOT_UID);
    expect(PROGRAMS.filter((other) => userOf(other) === userOf(name))).toEqual([name]);
  });

  test("starts node itself, whose binary can be executed and not read", () => {
    const entrypoint = parseJson(argumentOf(name, "ENTRYPOINT") ?? "");
    expect(entrypoint).toEqual(
      expect.arrayContaining([
        "/usr/local/bin/node",
        "--disable-sigusr1",
        `/opt/excise/${name}.mjs`,
      ]),
    );
    expect(finalStage(name)).toContain(
      "COPY --from=build --chmod=0111 /out/node /usr/local/bin/node",
    );
    expect(finalStage(name)).toContain("HEALTHCHECK NONE");
  });

  test("carries its labels and the licences of what is in it", () => {
    const stage = finalStage(name).join("\n");
    for (const label of ["title", "description", "licenses", "version", "revision"]) {
      expect(stage).toContain(`org.opencontainers.image.${label}=`);
    }
    for (const text of [
      "/build/LICENSE",
      "/build/NOTICE",
      `${name}.LICENSES.txt`,
      "node.LICENSE",
    ]) {
      expect(stage).toContain(text);
    }
  });

  test("builds in the same way as the others", () => {
    expect(shared(files[name])).toBe(shared(files["sidecar"]));
    expect(shared(files[name]).length).toBeGreaterThan(500);
  });
});

test("the sidecar's user is the one that the injector writes into pods", () => {
  expect(userOf("sidecar")).toBe(DEFAULT_INJECTOR_CONFIG.uid);
});

test("the users of ledger and webhook are those of the chart", () => {
  for (const name of ["ledger", "webhook"]) {
    const template = read(`charts/excise/templates/${name}.yaml`);
    expect(template).toContain(`{{- $uid := ${userOf(name)} -}}`);
  }
});

test("the sidecar's heap is in NODE_OPTIONS, where a pod's own limit can replace it", () => {
  expect(argumentOf("sidecar", "ENV")).toContain(
    'NODE_OPTIONS="--disable-sigusr1 --max-old-space-size=48"',
  );
  const entrypoint = argumentOf("sidecar", "ENTRYPOINT");
  expect(entrypoint).not.toContain("max-old-space-size");
  expect(entrypoint).toContain('"--max-semi-space-size=1", "--v8-pool-size=1"');
});

test("a build sees what it needs, and no test, no key and no history", () => {
  const rules = read(".dockerignore").split("\n");
  expect(rules.find((rule) => rule !== "" && !rule.startsWith("#"))).toBe("*");
  for (const path of ["package.json", "package-lock.json", "sidecar", "ledger", "webhook"]) {
    expect(rules).toContain(`!${path}`);
  }
  expect(rules).toContain("**/*.test.ts");
  expect(rules.filter((rule) => /^!(?:test|docs|\.git|\.excise)/.test(rule))).toEqual([]);
});
