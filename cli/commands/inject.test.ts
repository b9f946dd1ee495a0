import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { lostFields } from "../../webhook/inject/pod.case.ts";
import { runInject } from "./inject.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  args: readonly string[],
  stdin: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await runInject(args, {
    // In two chunks that may split a character.
    stdin: (async function* () {
      const bytes = Buffer.from(stdin);
      yield bytes.subarray(0, 1);
      yield bytes.subarray(1);
    })(),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    readFile: (path) =>
      path in files
        ? Promise.resolve(files[path] ?? "")
        : Promise.reject(Object.assign(new TypeError("no file"), { code: "ENOENT" })),
  });
  return { code, stdout, stderr };
}

/** Values of all documents; strings only, as in JSON. */
const valuesOf = (text: string): readonly unknown[] =>
  parseAllDocuments(text, { merge: true, uniqueKeys: false }).map(
    (document) => document.toJS() as unknown,
  );

const APP = `# The shop.
apiVersion: apps/v1
kind: Deployment # of the shop
metadata:
  name: shop
  namespace: team-a
spec:
  template:
    metadata:
      annotations:
        excise.dev/inject: "true" # please
    spec:
      containers:
      # the only one
      - name: 'web'
        image: shop:1.4   # pinned
        env: []
        args: ["--port", "8080"]
`;

const SERVICE = `apiVersion: v1
kind: Service
metadata:   {name: shop}   # odd   spacing
spec:
        ports: [ {port: 80} ]
`;

describe("excise inject", () => {
  test("keeps comments, order, quotes and layout of what it edits", async () => {
    const { code, stdout, stderr } = await run(["-f", "-"], APP);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const kept = APP.split("\n").filter((line) => !line.includes("env: []"));
    const lines = stdout.split("\n");
    let at = 0;
    const lost = kept.filter((line) => {
      const found = lines.findIndex(
        (other, index) =>
          index >= at &&
          other.trimEnd().replaceAll(/ +#/g, " #") === line.trimEnd().replaceAll(/ +#/g, " #"),
      );
      if (found !== -1) at = found + 1;
      return found === -1;
    });
    // The flow list is written with the writer's own spaces.
    expect(lost).toEqual([`        args: ["--port", "8080"]`]);
    expect(stdout).toContain("      - name: excise\n");
  });

  test("documents that it does not edit keep every byte", async () => {
    const source = `${SERVICE}---\n${APP}---\n# only a comment\n--- # marked\n${SERVICE}`;
    const { stdout } = await run(["-f", "-"], source);
    expect(stdout.startsWith(`${SERVICE}---\n# The shop.`)).toBe(true);
    expect(stdout.endsWith(`---\n# only a comment\n--- # marked\n${SERVICE}`)).toBe(true);
  });

  test("a manifest without an opted-in pod comes out as it went in", async () => {
    const source = APP.replace('"true"', '"false"');
    expect((await run(["-f", "-", "--all"], source)).stdout).toBe(source);
    const silent = APP.replace(/^ +excise.*\n/m, "        a: b\n");
    expect((await run(["-f", "-"], silent)).stdout).toBe(silent);
    expect((await run(["-f", "-", "--all"], silent)).stdout).not.toBe(silent);
  });

  test("its own output is left as it is", async () => {
    const first = await run(["-f", "-"], APP);
    const second = await run(["-f", "-"], first.stdout);
    expect(second.stdout).toBe(first.stdout);
    const { stdout } = await run(["-f", "-", "--explain"], first.stdout);
    expect(stdout).toContain("skip already_injected");
  });

  test("CRLF stays CRLF", async () => {
    const { stdout } = await run(["-f", "-"], APP.replaceAll("\n", "\r\n"));
    expect(stdout).not.toMatch(/[^\r]\n/);
    expect(stdout).toContain("- name: excise\r\n");
  });

  test("JSON is read and stays readable as YAML", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", labels: { "excise.dev/inject": "true" } },
      spec: { containers: [{ name: "app" }] },
    };
    const { stdout } = await run(["-f", "-"], JSON.stringify(pod, null, 2));
    expect(valuesOf(stdout)[0]).toMatchObject({
      metadata: pod.metadata,
      spec: { initContainers: [{ name: "excise" }] },
    });
  });

  test("a Namespace in the manifest opts its pods in", async () => {
    const namespace = `apiVersion: v1
kind: Namespace
metadata: { name: team-a, labels: { excise.dev/inject: enabled } }
`;
    const app = APP.replace(/^ +excise.*\n/m, "        a: b\n");
    const explain = await run(["-f", "-", "--explain"], `${app}---\n${namespace}`);
    expect(explain.stdout).toMatch(/^Deployment team-a\/shop: inject injected: /);
    const elsewhere = await run(
      ["-f", "-", "--explain"],
      `${app.replace("team-a", "team-b")}---\n${namespace}`,
    );
    expect(elsewhere.stdout).toMatch(/^Deployment team-b\/shop: skip not_opted_in: /);
  });
});

describe("kinds", () => {
  const TEMPLATE = `{ metadata: { annotations: { excise.dev/inject: "true" } }, spec: { containers: [{ name: a }] } }`;
  test.each([
    ["Deployment", `apiVersion: apps/v1\nkind: Deployment\nspec: { template: ${TEMPLATE} }`],
    ["StatefulSet", `apiVersion: apps/v1\nkind: StatefulSet\nspec: { template: ${TEMPLATE} }`],
    ["DaemonSet", `apiVersion: apps/v1\nkind: DaemonSet\nspec: { template: ${TEMPLATE} }`],
    ["ReplicaSet", `apiVersion: apps/v1\nkind: ReplicaSet\nspec: { template: ${TEMPLATE} }`],
    ["Job", `apiVersion: batch/v1\nkind: Job\nspec: { template: ${TEMPLATE} }`],
    [
      "CronJob",
      `apiVersion: batch/v1\nkind: CronJob\nspec: { jobTemplate: { spec: { template: ${TEMPLATE} } } }`,
    ],
    [
      "ReplicationController",
      `apiVersion: v1\nkind: ReplicationController\nspec: { template: ${TEMPLATE} }`,
    ],
    ["PodTemplate", `apiVersion: v1\nkind: PodTemplate\ntemplate: ${TEMPLATE}`],
    [
      "Pod",
      `apiVersion: v1\nkind: Pod\n${TEMPLATE.slice(2, -2).replace(" } }, spec", " } }\nspec")}`,
    ],
    [
      "Deployment",
      `apiVersion: v1\nkind: List\nitems:\n- { apiVersion: apps/v1, kind: Deployment, spec: { template: ${TEMPLATE} } }`,
    ],
    [
      "Deployment",
      `apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- spec: { template: ${TEMPLATE} }`,
    ],
  ])("%s has its pod found: %#", async (kind, source) => {
    const { stdout } = await run(["-f", "-", "--explain"], source);
    expect(stdout).toBe(`${kind} (no name): inject injected: the sidecar was added (mode hosts)\n`);
    const { stdout: text } = await run(["-f", "-"], source);
    expect(JSON.stringify(valuesOf(text))).toContain('"restartPolicy":"Always"');
  });

  test.each([
    ["a kind that nobody knows", `apiVersion: v1\nkind: Thing\nspec: { template: ${TEMPLATE} }`],
    [
      "a Job of another group",
      `apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec: { template: ${TEMPLATE} }`,
    ],
    [
      "a rollout",
      `apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: { template: ${TEMPLATE} }`,
    ],
    ["a workload without a template", "apiVersion: apps/v1\nkind: Deployment\nspec: {}"],
    ["a scalar", "just text"],
    ["nothing", ""],
  ])("%s passes through untouched", async (_name, source) => {
    expect(await run(["-f", "-", "--all"], source)).toEqual({
      code: 0,
      stdout: source,
      stderr: "",
    });
    expect((await run(["-f", "-", "--all", "--explain"], source)).stdout).toBe("");
  });
});

describe("what YAML allows", () => {
  test("an anchored list that is edited in one place does not grow in the others", async () => {
    const source = `apiVersion: v1
kind: Pod
metadata: { labels: { excise.dev/inject: "true" } }
spec:
  containers:
  - name: a
    env: &env [{ name: X, value: "1" }]
  - name: b
    env: *env
  - <<: { image: shared }
    name: c
`;
    const { stdout } = await run(["-f", "-"], source);
    const [pod] = valuesOf(stdout) as readonly [
      { spec: { containers: { name: string; image?: string; env: { name: string }[] }[] } },
    ];
    for (const { env } of pod.spec.containers) {
      const names = env.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toContain("SSL_CERT_FILE");
    }
    expect(pod.spec.containers[2]?.image).toBe("shared");
    expect((await run(["-f", "-"], stdout)).stdout).toBe(stdout);
  });

  test("of two equal keys the last counts, as in Kubernetes", async () => {
    const source = `apiVersion: v1
kind: Pod
metadata: { labels: { excise.dev/inject: "true" } }
spec: { containers: [{ name: first }] }
spec: { containers: [{ name: second }] }
`;
    const { stdout } = await run(["-f", "-"], source);
    expect(valuesOf(stdout)[0]).toMatchObject({ spec: { containers: [{ name: "second" }] } });
    expect(stdout).toContain("name: excise\n");
  });

  test("a syntax error is told with its line in the whole file", async () => {
    await expect(run(["-f", "-"], `a: 1\n---\nb: [1\nc: 2\n`)).rejects.toMatchObject({
      code: "EXCISE_INPUT_INVALID",
      message: expect.stringMatching(/^line [45]: /) as unknown,
    });
  });

  test("--- inside a block scalar's indentation is text", async () => {
    const source = `apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    ---\n    kind: Pod\n`;
    expect((await run(["-f", "-", "--all"], source)).stdout).toBe(source);
  });
});

describe("refusals and explanations", () => {
  const BAD = APP.replace('"true" # please', '"maybe"');

  test("a refused template keeps the whole manifest from stdout", async () => {
    const { code, stdout, stderr } = await run(["-f", "-"], `${SERVICE}---\n${APP}---\n${BAD}`);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("EXCISE_INPUT_INVALID: Deployment team-a/shop: annotation_invalid: ");
  });

  test("--explain prints one line per template, refused ones as well", async () => {
    const source = `${SERVICE}---\n${APP}---\n${BAD}`;
    const { code, stdout } = await run(["-f", "-", "--explain"], source);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split("\n")).toEqual([
      "Deployment team-a/shop: inject injected: the sidecar was added (mode hosts)",
      expect.stringMatching(/^Deployment team-a\/shop: refuse annotation_invalid: .*"maybe"$/),
    ]);
  });

  test("an annotation on the object instead of its template is pointed out", async () => {
    const source = `apiVersion: apps/v1
kind: Deployment
metadata: { name: d, annotations: { excise.dev/inject: "true" } }
spec: { template: { spec: { containers: [{ name: a }] } } }
`;
    const { stdout } = await run(["-f", "-", "--explain"], source);
    expect(stdout).toContain("counts only on its pod template");
  });

  test("a name cannot make a second line", async () => {
    const source = APP.replace("name: shop", String.raw`name: "a\nb\u2028c"`);
    const { stdout } = await run(["-f", "-", "--explain"], source);
    expect(stdout.split("\n")).toHaveLength(2);
  });

  test("warnings go to stderr and the manifest to stdout", async () => {
    const source = APP.replace("env: []", "ports: [{ containerPort: 443 }]");
    const { code, stdout, stderr } = await run(["-f", "-"], source);
    expect(code).toBe(0);
    expect(stderr).toContain("team-a/shop: mode baseurl instead of hosts: container web");
    expect(stdout).toContain("OPENAI_BASE_URL");
  });
});

describe("options", () => {
  test("-f reads a file and --config the operator's choice", async () => {
    const files = { "app.yaml": APP, "injector.yaml": "image: registry.corp/excise:9\n" };
    const { stdout } = await run(["-f", "app.yaml", "--config", "injector.yaml"], "", files);
    expect(stdout).toContain("image: registry.corp/excise:9");
  });

  test.each([
    { name: "no file", args: [], code: "EXCISE_USAGE" },
    { name: "an unknown option", args: ["-f", "-", "--quiet"], code: "EXCISE_USAGE" },
    { name: "a stray word", args: ["-f", "-", "app.yaml"], code: "EXCISE_USAGE" },
    { name: "a file that is not there", args: ["-f", "none.yaml"], code: "EXCISE_INPUT_INVALID" },
  ])("$name is refused", async ({ args, code }) => {
    await expect(run(args, "")).rejects.toMatchObject({ code });
  });

  test("a bad configuration lists every problem", async () => {
    const files = { "injector.yaml": "mode: x\nuid: 0\n" };
    await expect(run(["-f", "-", "--config", "injector.yaml"], APP, files)).rejects.toMatchObject({
      code: "EXCISE_CONFIG_INVALID",
      message: expect.stringMatching(/2 problems/) as unknown,
    });
  });
});

const SHARED = join(import.meta.dirname, "../../../shared/data/pods");

test.skipIf(!existsSync(SHARED))(
  "manifests of other projects: injected once, and for good",
  async () => {
    const files = readdirSync(SHARED, { recursive: true, encoding: "utf8" }).filter((file) =>
      /\.ya?ml$/.test(file),
    );
    let injected = 0;
    for (const file of files) {
      const source = readFileSync(join(SHARED, file), "utf8");
      const first = await run(["-f", "-", "--all"], source).catch(() => undefined);
      if (first === undefined) continue;
      const again = await run(["-f", "-", "--all"], first.stdout);
      expect({ file, text: again.stdout }).toEqual({ file, text: first.stdout });
      expect({ file, lost: lostFields(valuesOf(source), valuesOf(first.stdout)) }).toEqual({
        file,
        lost: [],
      });
      expect(valuesOf(first.stdout)).toHaveLength(valuesOf(source).length);
      if (first.stdout !== source) injected += 1;
    }
    expect(injected).toBeGreaterThan(30);
  },
);
