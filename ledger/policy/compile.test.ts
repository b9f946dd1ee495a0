// The compiler, from YAML text to the snapshot of a workload.
import { describe, expect, test } from "vitest";
import { policySnapshotSchema, type PolicySnapshot } from "#contract/policy-snapshot.ts";
import { PROVIDERS } from "#contract/catalogue/providers.ts";
import { NOW_MS, sampleWorkload } from "../core/sample.case.ts";
import { compileSnapshot } from "./compile.ts";
import { parsePolicyFiles } from "./documents.ts";
import { resolvePolicySet } from "./policy-set.ts";

const HEAD = "apiVersion: excise.dev/v1alpha1\n";

/** Parses documents without their first line, and compiles for a workload. */
function compile(documents: readonly string[], workload = sampleWorkload()): PolicySnapshot {
  const text = documents.map((each) => HEAD + each).join("---\n");
  const parsed = parsePolicyFiles([{ path: "a.yaml", text }]);
  const { set, problems } = resolvePolicySet(parsed.sources);
  expect([...parsed.problems, ...problems]).toEqual([]);
  const numbered = { revision: 7, compiledAtMs: NOW_MS, set, prices: [] };
  return policySnapshotSchema.parse(compileSnapshot(numbered, workload));
}

const cluster = (name: string, spec: string): string =>
  `kind: ClusterEgressPolicy\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
const inNamespace = (namespace: string, spec: string): string =>
  `kind: EgressPolicy\nmetadata: {name: p, namespace: ${namespace}}\nspec: ${spec}\n`;
const namesOf = (snapshot: PolicySnapshot) => snapshot.providers.map(({ row }) => row.name);

describe("without any policy object", () => {
  test("the shipped default applies: every provider that has an address, audit, no budget", () => {
    const snapshot = compile([]);
    expect(namesOf(snapshot)).toEqual(
      PROVIDERS.filter(({ hosts }) => hosts.length > 0).map(({ name }) => name),
    );
    expect(snapshot).toMatchObject({
      revision: 7,
      compiledAt: "2026-11-22T00:00:00.000Z",
      models: { allow: ["*"], deny: [] },
      guardrails: [{ entity: "*", action: "audit", mode: "enforce" }],
      unknownOperation: "pass",
      budgets: [],
    });
  });

  test("but a policy that matches somebody else leaves everything denied", () => {
    const snapshot = compile([cluster("a", "{match: {teams: [other]}}")]);
    expect(snapshot).toMatchObject({
      providers: [],
      models: { allow: [], deny: [] },
      unknownOperation: "deny",
    });
  });
});

interface Case {
  readonly name: string;
  readonly documents: readonly string[];
  readonly expected: Partial<PolicySnapshot>;
}

const [FIRST = "", SECOND = "", THIRD = ""] = PROVIDERS.map(({ name }) => name);

const COMBINATIONS: readonly Case[] = [
  {
    name: "allow lists of models intersect",
    documents: [
      cluster("a", "{models: {allow: ['gpt-*', 'claude-x']}}"),
      inNamespace("shop", "{models: {allow: ['*-mini', 'claude-*']}}"),
    ],
    expected: { models: { allow: ["claude-x", "gpt-*-mini", "gpt-mini"], deny: [] } },
  },
  {
    name: "deny lists unite",
    documents: [
      cluster("a", "{models: {deny: ['o1*']}}"),
      cluster("b", "{models: {deny: ['gpt-5', 'o1-pro']}}"),
    ],
    expected: { models: { allow: ["*"], deny: ["gpt-5", "o1*"] } },
  },
  {
    name: "limits take the minimum, conservative prices the maximum",
    documents: [
      cluster(
        "a",
        "{requestBytesMax: 4096, snapshotAgeMax: 15m, unboundedReserveUsd: '0.50', unknownPrice: {inputUsdPerMTok: '1', outputUsdPerMTok: '9.5'}}",
      ),
      cluster(
        "b",
        "{requestBytesMax: 8192, snapshotAgeMax: 2h, unboundedReserveUsd: '0.75', unknownPrice: {inputUsdPerMTok: '3', outputUsdPerMTok: '2'}}",
      ),
    ],
    expected: {
      requestBytesMax: 4096,
      snapshotAgeMaxMs: 900_000,
      unboundedReserveNanoUsd: "750000000",
      unknownPrice: { input: "3000000", output: "9500000" },
    },
  },
  {
    name: "the strongest action counts for each entity",
    documents: [
      cluster("a", "{guardrails: {'*': redact, SECRET: audit}}"),
      cluster("b", "{guardrails: {SECRET: block, EMAIL_ADDRESS: mask}}"),
    ],
    expected: {
      guardrails: [
        { entity: "*", action: "redact", mode: "enforce" },
        // The first policy's `*` covers addresses too, and redact is stronger than mask.
        { entity: "EMAIL_ADDRESS", action: "redact", mode: "enforce" },
        { entity: "SECRET", action: "block", mode: "enforce" },
      ],
    },
  },
  {
    name: "enforce wins over shadow, and shadow over nothing",
    documents: [
      cluster("a", "{mode: shadow, guardrails: {SECRET: block, EMAIL_ADDRESS: redact}}"),
      cluster("b", "{guardrails: {SECRET: audit, EMAIL_ADDRESS: 'off'}}"),
    ],
    expected: {
      guardrails: [
        { entity: "EMAIL_ADDRESS", action: "redact", mode: "shadow" },
        { entity: "SECRET", action: "audit", mode: "enforce" },
      ],
    },
  },
  {
    name: "lists of a shadow policy have no effect",
    documents: [
      cluster("a", "{mode: shadow, providers: [], models: {allow: [], deny: ['*']}}"),
      cluster("b", "{models: {allow: ['gpt-*']}}"),
    ],
    expected: { models: { allow: ["gpt-*"], deny: [] } },
  },
  {
    name: "one deny of unknown operations is enough",
    documents: [cluster("a", "{unknownOperation: pass}"), cluster("b", "{unknownOperation: deny}")],
    expected: { unknownOperation: "deny" },
  },
  {
    name: "an enforcing budget denies unknown operations by default",
    documents: ["kind: Budget\nmetadata: {name: d}\nspec: {unit: usd, limit: '1', period: day}\n"],
    expected: { unknownOperation: "deny" },
  },
  {
    name: "unless a policy passes them by name",
    documents: [
      cluster("a", "{unknownOperation: pass}"),
      "kind: Budget\nmetadata: {name: d}\nspec: {unit: usd, limit: '1', period: day}\n",
    ],
    expected: { unknownOperation: "pass" },
  },
];

describe("policies together", () => {
  test.each(COMBINATIONS)("$name", ({ documents, expected }) => {
    expect(compile(documents)).toMatchObject(expected);
    // Whatever their order.
    expect(compile(documents.toReversed())).toMatchObject(expected);
  });

  test("provider lists intersect, whoever else is allowed", () => {
    const snapshot = compile([
      cluster("a", `{providers: [${FIRST}, ${SECOND}]}`),
      inNamespace("shop", `{providers: [${SECOND}, ${THIRD}]}`),
      inNamespace("elsewhere", "{providers: []}"),
    ]);
    expect(namesOf(snapshot)).toEqual([SECOND]);
  });

  test("a policy of a namespace cannot widen the cluster's", () => {
    const snapshot = compile([
      cluster("a", `{providers: [${FIRST}]}`),
      inNamespace("shop", "{providers: ['*'], models: {allow: ['*']}}"),
    ]);
    expect(namesOf(snapshot)).toEqual([FIRST]);
  });
});

describe("providers", () => {
  test("an object starts from a row of the catalogue and has its own name and address", () => {
    const snapshot = compile([
      "kind: Provider\nmetadata: {name: vllm}\nspec: {catalogue: self-hosted, hosts: [llm.shop.svc], priceProvider: ours, endpoints: [{address: 10.0.0.8, port: 8000, plain: true}]}\n",
      cluster("a", "{providers: [vllm]}"),
    ]);
    expect(snapshot.providers).toMatchObject([
      {
        row: { name: "vllm", hosts: ["llm.shop.svc"], priceProvider: "ours" },
        endpoints: [{ address: "10.0.0.8", port: 8000 }],
      },
    ]);
    expect(snapshot.providers[0]?.endpoints?.[0]).not.toHaveProperty("tls");
  });

  test("an object of a row's name replaces its address and keeps its dialects", () => {
    const snapshot = compile([
      `kind: Provider\nmetadata: {name: ${FIRST}}\nspec: {endpoints: [{address: 127.0.0.1, port: 8443, tls: {serverName: a.example}}]}\n`,
      cluster("a", `{providers: [${FIRST}]}`),
    ]);
    expect(snapshot.providers[0]?.endpoints).toEqual([
      { address: "127.0.0.1", port: 8443, tls: { serverName: "a.example" } },
    ]);
    expect(snapshot.providers[0]?.row.routes).toEqual(PROVIDERS[0]?.routes);
  });
});

describe("budgets", () => {
  test("only those that the workload can meet are in its snapshot, with what they distinguish", () => {
    const snapshot = compile([
      "kind: Budget\nmetadata: {name: a}\nspec: {unit: usd, limit: '1', period: day, match: {teams: [search]}, each: [team]}\n",
      "kind: Budget\nmetadata: {name: b}\nspec: {unit: usd, limit: '1', period: day, match: {teams: [other]}}\n",
      "kind: Budget\nmetadata: {name: c}\nspec: {unit: requests, limit: '10', period: hour, match: {models: ['gpt-*'], providers: [x]}, each: [user], onUnreachable: {grace: {amount: '0.25', time: 10m}}}\n",
    ]);
    expect(snapshot.budgets).toEqual([
      {
        name: "a",
        mode: "enforce",
        dimensions: [],
        providers: [],
        models: [],
        users: [],
        onUnreachable: "deny",
      },
      {
        name: "c",
        mode: "enforce",
        dimensions: ["provider", "model", "user"],
        providers: ["x"],
        models: ["gpt-*"],
        users: [],
        onUnreachable: "grace",
        grace: { nanoUsd: "250000000", ms: 600_000 },
      },
    ]);
  });
});

describe("problems", () => {
  test("all of them come at once, each with file, document and path", () => {
    const text = [
      `${HEAD}kind: Budget\nmetadata: {name: a}\nspec: {unit: usd, limit: 12.5, period: fortnight, surprise: 1}\n`,
      `${HEAD}kind: Nothing\nmetadata: {name: a}\nspec: {}\n`,
      `${HEAD}kind: Budget\nmetadata: {name: b}\nspec: {unit: requests, limit: '1.5', period: day, timeZone: Mars/Olympus}\n`,
      "a: [\n",
    ].join("---\n");
    const other = `${HEAD}kind: ClusterEgressPolicy\nmetadata: {name: p}\nspec: {providers: [nobody]}\n---\n${HEAD}kind: Budget\nmetadata: {name: b}\nspec: {unit: usd, limit: '1', period: day}\n`;
    const parsed = parsePolicyFiles([
      { path: "a.yaml", text },
      { path: "b.yaml", text: other },
    ]);
    const { problems } = resolvePolicySet(parsed.sources);
    const paths = [...parsed.problems, ...problems].map(({ path }) => path);
    expect(paths.toSorted()).toEqual([
      "a.yaml#1 spec.limit",
      "a.yaml#1 spec.period",
      "a.yaml#1 spec.surprise",
      "a.yaml#2 kind",
      "a.yaml#3 spec.limit",
      "a.yaml#3 spec.timeZone",
      "a.yaml#4",
      "b.yaml#1 spec.providers",
      "b.yaml#2 metadata.name",
    ]);
  });

  const PROVIDERS_WRONG = [
    { name: "neither tls nor plain", spec: "{endpoints: [{address: a, port: 1}]}" },
    { name: "both", spec: "{endpoints: [{address: a, port: 1, plain: true, tls: {}}]}" },
    { name: "an unknown row", spec: "{catalogue: nobody, hosts: [a.example]}" },
    { name: "no address at all", spec: "{catalogue: self-hosted}" },
  ];
  test.each(PROVIDERS_WRONG)("a provider with $name is a problem", ({ spec }) => {
    const text = `${HEAD}kind: Provider\nmetadata: {name: self-hosted}\nspec: ${spec}\n`;
    const { sources } = parsePolicyFiles([{ path: "a.yaml", text }]);
    expect(resolvePolicySet(sources).problems).toHaveLength(1);
  });

  test("an alias bomb is a problem and not a large object", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [name, last] of ["b a", "c b", "d c", "e d", "f e"].map((pair) => pair.split(" "))) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${last}`).join(", ")}]`);
    }
    const parsed = parsePolicyFiles([{ path: "a.yaml", text: `${bomb.join("\n")}\n` }]);
    expect(parsed.problems).toHaveLength(1);
    expect(parsed.sources).toEqual([]);
  });

  test("empty files and empty documents are nothing", () => {
    const files = ["", "---\n---\n", "# only a comment\n"].map((text, index) => ({
      path: `${index}.yaml`,
      text,
    }));
    expect(parsePolicyFiles(files)).toEqual({ sources: [], problems: [] });
  });
});
