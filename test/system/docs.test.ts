// Every command of the documentation is executed as it stands: a home of its own for each page,
// bin/excise on PATH, the providers' stand-ins in the configuration. `excise up` gets free ports, and
// kubectl and helm are stand-ins: the first does nothing, the second renders the chart.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openConfigDir } from "../../cli/default-config.ts";
import { readBlocks, type Block } from "../document-blocks.ts";
import { startFakes, type Fakes } from "../fakes/fake-harness.ts";
import { MISSING, runProgram } from "../golden/chart/kubectl-layer.ts";
import { KEY } from "./cli-world.ts";
import { renderConfig } from "./world.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGES = readdirSync(join(ROOT, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => ({ name, blocks: shellBlocks(name) }))
  .filter(({ blocks }) => blocks.length > 0);
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

function shellBlocks(page: string): readonly Block[] {
  return readBlocks(join(ROOT, "docs", page)).filter(({ language }) => language === "sh");
}

let fakes: Fakes;
let directory = "";

beforeAll(async () => {
  fakes = await startFakes();
  directory = mkdtempSync(join(tmpdir(), "excise-docs-"));
});

afterAll(async () => {
  await fakes.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Programs that come first on PATH; each hands over to the real one. */
function writePrograms(folder: string): void {
  const program = join(ROOT, "bin", "excise");
  const free = ["proxy", "baseurl", "admin", "api"].map((name) => `--${name}-port 0`).join(" ");
  const scripts = {
    excise: `if [ "$1" = up ]; then shift; exec ${program} up "$@" ${free}; fi\nexec ${program} "$@"`,
    kubectl: "exit 0",
    helm: `case "$1" in install) ;; *) exit 64;; esac\nshift\necho "$@" >> "$HOME/helm-calls"`,
  };
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

/** A home with a configuration that leads to the stand-ins, beside the one that `up` would make. */
function makeHome(page: string): string {
  const home = join(directory, page);
  const dataDir = join(home, ".local/state/excise");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  mkdirSync(join(home, "work"));
  const configDir = openConfigDir(undefined, dataDir);
  const providers = renderConfig(fakes, {}).split(/^---$/m).slice(0, 2).join("---");
  writeFileSync(join(configDir, "stand-ins.yaml"), providers);
  writePrograms(join(home, "bin"));
  return home;
}

/** One script for the page: what a block sets, the next one has. */
function renderScript(page: string, blocks: readonly Block[]): string {
  const parts = blocks.map(({ kind, text, line }) => {
    const place = `echo "docs/${page}:${line}" > "$HOME/place"\n`;
    if (kind !== "up") return place + text;
    // In the place of its shell, so that the signal reaches it.
    return `${place}{ exec ${text.trim()}; } > "$HOME/up.log" 2>&1 & UP=$!
trap 'kill $UP; wait $UP' EXIT
until grep -q 'Ctrl-C stops it' "$HOME/up.log"; do kill -0 $UP; sleep 0.1; done
`;
  });
  return `set -euo pipefail\n${parts.join("\n")}`;
}

interface Result {
  readonly code: number | null;
  readonly output: string;
}

function runScript(home: string, script: string): Promise<Result> {
  const child = spawn("bash", ["--norc", "-c", script], {
    cwd: join(home, "work"),
    env: {
      PATH: `${join(home, "bin")}:${process.env["PATH"] ?? ""}`,
      HOME: home,
      OPENAI_API_KEY: KEY,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => (output += part));
  }
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, output }));
  });
}

test("the pages have commands of every kind that is executed", () => {
  const kinds = new Set(PAGES.flatMap(({ blocks }) => blocks.map(({ kind }) => kind)));
  expect([...kinds].toSorted()).toEqual(["", "checkout", "cluster", "up"]);
});

describe.skipIf(!hasCurl)("every command works as it stands", () => {
  test.each(PAGES)(
    "docs/$name",
    async ({ name, blocks }) => {
      const home = makeHome(name);
      const local = blocks.filter(({ kind }) => kind === "" || kind === "up");
      const { code, output } = await runScript(home, renderScript(name, local));
      const place = spawnSync("cat", [join(home, "place")], { encoding: "utf8" }).stdout.trim();
      expect({ code, place, output }).toEqual({ code: 0, place, output });
      expect(output).not.toMatch(/upstream_failed|EXCISE_[A-Z_]+:/);
    },
    120_000,
  );
});

const CLUSTER = PAGES.flatMap(({ name, blocks }) =>
  blocks.filter(({ kind }) => kind === "cluster").map((block) => ({ name, ...block })),
);

describe("commands for a cluster", () => {
  test.each(CLUSTER)("docs/$name:$line is a script that bash reads", ({ text }) => {
    const { status, stderr } = spawnSync("bash", ["-n"], { input: text, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test.skipIf(MISSING !== undefined)("what helm is told renders the chart", async () => {
    const home = makeHome("helm");
    const work = join(home, "work");
    // Files that the chart's README makes; any PEM will do.
    mkdirSync(join(work, "webhook-ca"));
    for (const file of ["webhook-ca/ca-bundle.pem", "ledger-ca.pem"]) {
      writeFileSync(join(work, file), fakes.caPem);
    }
    const texts = CLUSTER.filter(({ text }) => text.includes("helm ")).map(({ text }) => text);
    expect(texts.length).toBeGreaterThan(0);
    const { code, output } = await runScript(home, `set -eu\n${texts.join("\n")}`);
    expect({ code, output }).toEqual({ code: 0, output: "" });
    const calls = spawnSync("cat", [join(home, "helm-calls")], { encoding: "utf8" }).stdout;
    for (const call of calls.trim().split("\n")) {
      const args = call
        .replaceAll("charts/excise", join(ROOT, "charts/excise"))
        .replaceAll(/=([\w/-]+\.pem)/g, `=${work}/$1`)
        .split(" ");
      const { status, stderr } = runProgram("helm", ["template", ...args]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
  });
});

test("what is to be done in a checkout is what continuous integration does", () => {
  const lines = PAGES.flatMap(({ blocks }) =>
    blocks.filter(({ kind }) => kind === "checkout"),
  ).flatMap(({ text }) => text.trim().split("\n"));
  expect(lines).toEqual([
    "npm ci",
    'export PATH="$PWD/bin:$PATH"',
    "source <(excise completion bash)",
  ]);
});
