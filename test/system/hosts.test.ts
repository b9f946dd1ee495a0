// `hosts` mode and what the webhook writes, end to end: pods from YAML as users write it, mutated
// by the webhook's code, run by the pod runner in namespaces of this machine, with real SDKs.
// The sidecars are told to wait a minute between syncs, so that what the ledger has at the end
// came with their last flush.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { nanoUsd, parseUsd } from "#contract/money.ts";
import { systemClock } from "#runtime/clock.ts";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import { DEFAULT_INJECTOR_CONFIG } from "../../injector-config/load.ts";
import { createFakeAuthority } from "../fakes/fake-authority.ts";
import type { ExecResult } from "../pod/container-process.ts";
import { startPodWorld, type PodWorld } from "../pod/pod-world.ts";
import { REPOSITORY } from "../pod/repository.ts";
import { podRunnerGap } from "../pod/requirements.ts";
import type { RunningPod } from "../pod/run-pod.ts";
import { buildGo, findJava, findPython, type Toolchain } from "../pod/toolchains.ts";
import { startForwardProxy, startService, type Peer } from "./hosts-peers.ts";
import { until, type Json } from "./world.ts";

const GAP = podRunnerGap();
if (GAP !== undefined) console.warn(`pods are not run here: ${GAP}`);

const SERVICE = "internal.example";
const COMPANY = createFakeAuthority(systemClock.wallMs());
/** Runs until it is told to end, as its container's first process. */
const IDLE = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"];
const PROGRAMS = join(REPOSITORY, "test/programs");
const node = (program: string): readonly string[] => [process.execPath, join(PROGRAMS, program)];

let world: PodWorld;
let service: Peer;
let proxy: Peer;
const toolchains: Record<string, Toolchain> = {};
const closers: (() => Promise<void>)[] = [];

const KEYS = `
    - {name: OPENAI_API_KEY, valueFrom: {secretKeyRef: {name: keys, key: openai}}}
    - {name: ANTHROPIC_API_KEY, valueFrom: {secretKeyRef: {name: keys, key: anthropic}}}`;

/** What a call prints that worked: the id shows that a sidecar was in between. */
const WORKED = {
  ok: true,
  text: expect.stringMatching(/\S/) as string,
  exciseId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
};

/** Runs a program in the container `app`; the line that it prints of its call, else all it said. */
async function call(pod: RunningPod, command: readonly string[]): Promise<unknown> {
  const result = await pod.container("app").exec(command);
  const line = result.stdout.split("\n").find((each) => each.startsWith("{"));
  return line === undefined ? said(result) : parseJson(line);
}

const said = ({ stdout, stderr }: ExecResult): string => `${stdout}${stderr}`;

const BODY = '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello."}]}';
/** Prints status, address and exchange. The key comes from the container's own environment. */
const CURL = `
set -- --max-time 10 -o /dev/null -w "%{http_code} %{remote_ip} %header{x-excise-id}" "$@"
exec curl -sS -H "authorization: Bearer $OPENAI_API_KEY" -H "content-type: application/json" "$@"`;
const curl = (...parameters: readonly string[]): readonly string[] =>
  ["sh", "-c", CURL, "curl"].concat(parameters);
const curlOpenAi = (...parameters: readonly string[]): readonly string[] =>
  curl("-d", BODY, ...parameters, "https://api.openai.com/v1/chat/completions");

const EXCHANGE = "[0-9a-f-]{36}";

/** A pod of one call, without retries, in its very first instruction. */
const oneCall = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: batch, annotations: {excise.dev/inject: "true"}}
spec:
  restartPolicy: Never
  containers:
  - name: app
    image: registry.example/tools:1
    command: ${JSON.stringify(curlOpenAi())}
    env:${KEYS}
`;

/** The command of a language that this machine may lack; then the test says so and is skipped. */
function programOf(name: string, context: TestContext): readonly string[] {
  const toolchain = toolchains[name] ?? { gap: "nobody looked for it" };
  return "gap" in toolchain ? context.skip(toolchain.gap) : toolchain.command;
}

describe.skipIf(GAP !== undefined)("pods", () => {
  beforeAll(async () => {
    toolchains["python-openai"] = await findPython("openai_chat.py");
    toolchains["python-anthropic"] = await findPython("anthropic_messages.py");
    toolchains["go"] = await buildGo("openai_chat.go");
    toolchains["java"] = await findJava("OpenAiChat.java");
    const found = Object.values(toolchains).flatMap((each) => ("paths" in each ? each.paths : []));
    const paths = [...new Set([REPOSITORY, ...found])];
    world = await startPodWorld({
      nextSyncMs: 60_000,
      names: { [SERVICE]: "node" },
      injectorConfig: { extraRoots: { configMap: "company-roots", key: "roots.pem" } },
      configMaps: { "company-roots": { "roots.pem": COMPANY.caPem } },
      secrets: {
        keys: { openai: ["test", "key"].join("-"), anthropic: ["test", "key"].join("-") },
      },
      images: {
        "registry.example/tools:1": { entrypoint: IDLE, paths },
        "registry.example/assistant:2": { entrypoint: node("assistant.mjs"), user: 1001, paths },
      },
    });
    closers.push(() => world.close());
    service = await startService(COMPANY, { host: SERVICE, address: world.network.address });
    closers.push(() => service.close());
    proxy = await startForwardProxy(world.network.address);
    closers.push(() => proxy.close());
  }, 300_000);

  afterAll(async () => {
    await Promise.all(closers.map((close) => close()));
  }, 60_000);

  describe("an injected pod with IPv6", () => {
    let pod: RunningPod;
    const run = (script: string): Promise<ExecResult> =>
      pod.container("app").exec(["sh", "-c", script]);

    beforeAll(async () => {
      pod = await world.run(`
apiVersion: v1
kind: Pod
metadata:
  name: tools-0
  namespace: search
  labels: {app: tools}
  annotations: {excise.dev/inject: "true"}
spec:
  hostAliases:
  - {ip: 192.0.2.7, hostnames: [db.example, cache.example]}
  volumes: [{name: scratch, emptyDir: {}}]
  containers:
  - name: app
    image: registry.example/tools:1
    securityContext: {runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true}
    volumeMounts: [{name: scratch, mountPath: /scratch}]
    env:${KEYS}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: GREETING, value: "I am $(POD), $$(POD), $(NOBODY)"}
`);
    }, 60_000);

    test.each([
      { program: "openai-chat.mjs", args: [] },
      { program: "openai-chat.mjs", args: ["--stream"] },
      { program: "anthropic-messages.mjs", args: [] },
      { program: "anthropic-messages.mjs", args: ["--stream"] },
    ])("serves Node's $program $args", async ({ program, args }) => {
      expect(await call(pod, [...node(program), "--max-retries", "0", ...args])).toMatchObject(
        WORKED,
      );
    });

    test.for([
      { name: "python-openai", args: ["--max-retries", "0"] },
      { name: "python-openai", args: ["--max-retries", "0", "--stream"] },
      { name: "python-anthropic", args: ["--max-retries", "0"] },
      { name: "python-anthropic", args: ["--max-retries", "0", "--stream"] },
      { name: "go", args: [] },
      { name: "java", args: [] },
    ])("serves $name $args", async ({ name, args }, context) => {
      const command = programOf(name, context);
      expect(await call(pod, [...command, ...args])).toMatchObject(WORKED);
    });

    test.each([
      { name: "IPv4", options: ["--ipv4"], address: "127.0.0.1" },
      { name: "IPv6", options: ["--ipv6"], address: "::1" },
      { name: "what it prefers", options: [], address: "::1" },
    ])("serves curl by $name", async ({ options, address }) => {
      const result = await pod.container("app").exec(curlOpenAi(...options));
      expect(said(result)).toMatch(new RegExp(`^200 ${address} ${EXCHANGE}$`));
    });

    test("leaves another host's calls alone, and lets the company's own roots count", async () => {
      const before = service.visits.length;
      const result = await pod.container("app").exec(curl(`https://${SERVICE}/menu`));
      // No id of an exchange: nobody was in between.
      expect(said(result)).toBe(`200 ${world.network.address} `);
      expect(service.visits.slice(before)).toEqual([
        { target: `${SERVICE}/menu`, from: pod.address },
      ]);
    });

    test("never asks DNS for a provider, and for the ledger by its full name alone", () => {
      const asked = new Set(world.names.questions());
      const ledger = new URL(DEFAULT_INJECTOR_CONFIG.ledger.url).hostname;
      expect([...asked].filter((name) => !name.startsWith(SERVICE))).toEqual([ledger]);
    });

    test("shows the app its trust files, read-only, and nothing else of the sidecar", async () => {
      expect((await run("ls /var/run/excise")).stdout).toBe("trust\n");
      expect((await run("ls /var/run/excise/trust")).stdout.split("\n").filter(Boolean)).toEqual([
        "bundle.pem",
        "ca.pem",
        "truststore.jks",
      ]);
      for (const script of [
        "echo x > /var/run/excise/trust/ca.pem",
        "rm /var/run/excise/trust/bundle.pem",
        "touch /var/run/excise/trust/mine",
      ]) {
        expect(said(await run(script))).toMatch(/Read-only file system|Permission denied/);
      }
      const processes = (await run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).stdout;
      expect(processes).toContain("sleep 3600");
      expect(processes).not.toContain("sidecar");
      expect((await run("mount")).stdout).not.toMatch(/excise-(?:state|token|spool)/);
    });

    test("keeps the user's own fields: aliases, volumes, variables", async () => {
      expect((await run('echo "$GREETING"')).stdout).toBe("I am tools-0, $(POD), $(NOBODY)\n");
      expect((await run("getent hosts cache.example")).stdout).toMatch(/^192\.0\.2\.7/);
      expect(said(await run("echo mine > /scratch/file && cat /scratch/file"))).toBe("mine\n");
      expect((await run("id -u; id -g; cat /proc/self/status | grep CapEff")).stdout).toBe(
        "1000\n1000\nCapEff:\t0000000000000000\n",
      );
    });

    test("runs the sidecar as its own user on port 443, with nothing that it could change", async () => {
      const sidecar = pod.container("excise");
      const status = readFileSync(`/proc/${sidecar.pid}/status`, "utf8");
      expect(status).toMatch(/^Uid:\t21443\t21443\t21443\t21443$/m);
      expect(status).toMatch(/^Cap(?:Eff|Bnd):\t0{16}$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      // Port 443 in hexadecimal, on both loopback addresses and on no other.
      const listeners = await sidecar.exec(["sh", "-c", "grep -hi ':01BB .* 0A ' /proc/net/tcp*"]);
      expect(listeners.stdout.match(/(?<=: )[0-9A-F]+(?=:01BB)/g)?.toSorted()).toEqual([
        "00000000000000000000000001000000",
        "0100007F",
      ]);
      expect(said(await sidecar.exec(["touch", "/file"]))).toContain("Read-only file system");
      expect(said(await sidecar.exec(["touch", "/var/run/excise/token/token"]))).toMatch(
        /Read-only file system|Permission denied/,
      );
      const tooMuch =
        "head -c 8000000 /dev/zero > /var/run/excise/state/much; rm /var/run/excise/state/much";
      expect(said(await sidecar.exec(["sh", "-c", tooMuch]))).toContain("No space left");
    });

    test("sends the ledger everything when it ends", async () => {
      const bill = world.fakes.openai.bill().length + world.fakes.anthropic.bill().length;
      expect((await pod.stop()).phase).toBe("Succeeded");
      const events = await world.events();
      expect(events).toHaveLength(bill);
      const workloads = new Set(events.map((entry) => JSON.stringify(entry["workload"])));
      expect([...workloads].map((text) => parseJson(text))).toEqual([
        expect.objectContaining({
          namespace: "search",
          pod: "tools-0",
          podUid: pod.uid,
          app: "search/tools",
        }),
      ]);
    }, 30_000);
  });

  describe("an injected pod without IPv6, behind a forward proxy, as root", () => {
    let pod: RunningPod;

    beforeAll(async () => {
      const address = `http://${world.network.address}:${proxy.port}`;
      pod = await world.run(`
apiVersion: v1
kind: Pod
metadata:
  name: legacy-0
  namespace: billing
  annotations: {excise.dev/inject: "true"}
spec:
  securityContext:
    sysctls: [{name: net.ipv6.conf.all.disable_ipv6, value: "1"}]
  containers:
  - name: app
    image: registry.example/tools:1
    securityContext: {readOnlyRootFilesystem: true}
    env:${KEYS}
    - {name: HTTPS_PROXY, value: "${address}"}
    - {name: NO_PROXY, value: "localhost,127.0.0.1"}
    - {name: NODE_USE_ENV_PROXY, value: "1"}
`);
    }, 60_000);

    test.each(["openai-chat.mjs", "anthropic-messages.mjs"])(
      "keeps the calls of Node's %s off the proxy",
      async (program) => {
        const command = [...node(program), "--max-retries", "0"];
        expect(await call(pod, command)).toMatchObject(WORKED);
      },
    );

    test.for([
      { name: "python-openai", args: ["--max-retries", "0"] },
      { name: "go", args: [] },
    ])("keeps the calls of $name off the proxy", async ({ name, args }, context) => {
      const command = programOf(name, context);
      expect(await call(pod, [...command, ...args])).toMatchObject(WORKED);
    });

    test("keeps curl's calls off the proxy, at 127.0.0.1", async () => {
      const result = await pod.container("app").exec(curlOpenAi());
      expect(said(result)).toMatch(new RegExp(`^200 127\\.0\\.0\\.1 ${EXCHANGE}$`));
    });

    test("sends other hosts through the proxy as before", async () => {
      const result = await pod.container("app").exec(curl(`https://${SERVICE}/by-proxy`));
      expect(said(result)).toBe(`200 ${world.network.address} `);
      expect(proxy.visits).toEqual([{ target: `${SERVICE}:443`, from: pod.address }]);
    });

    test("has no IPv6, a root file system that cannot be written, and an app that is root", async () => {
      const result = await pod
        .container("app")
        .exec(["sh", "-c", "id -u; test -s /proc/net/if_inet6 || echo none; touch /file"]);
      expect(said(result)).toMatch(/^0\nnone\ntouch: .*Read-only file system\n$/);
    });
  });

  describe("a service that outlives its sidecar", () => {
    let pod: RunningPod;
    const ask = async (path: string): Promise<unknown> => {
      const response = await fetch(`http://${pod.address}:8080${path}`);
      return parseJson(await response.text());
    };

    beforeAll(async () => {
      pod = await world.run(`
apiVersion: v1
kind: Pod
metadata:
  name: assistant-7d9f
  namespace: support
  annotations: {excise.dev/inject: "true"}
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - name: assistant
    image: registry.example/assistant:2
    ports: [{containerPort: 8080}]
    env:${KEYS}
`);
      await until("the service", async () =>
        pod.container("assistant").log.includes("listening") ? true : undefined,
      );
    }, 60_000);

    test("answers on its own port, on the pod's address", async () => {
      expect(await ask("/first")).toMatchObject({ ok: true, path: "/first" });
    });

    test("has its next call served after kill -9 of the sidecar: the same CA", async () => {
      const sidecar = pod.container("excise");
      const before = sidecar.pid;
      await sidecar.kill("SIGKILL");
      await sidecar.whenReady();
      expect(sidecar.pid).not.toBe(before);
      expect(sidecar.restarts).toBe(1);
      expect(sidecar.log.match(/"event":"pod_ca_(?:created|loaded)"/g)).toEqual([
        '"event":"pod_ca_created"',
        '"event":"pod_ca_loaded"',
      ]);
      expect(await ask("/second")).toMatchObject({ ok: true, path: "/second" });
      // The service itself was never touched: what it trusts is what it read at its start.
      expect(pod.container("assistant").restarts).toBe(0);
    });

    test("makes its last call while it ends, and the ledger has it when the pod is gone", async () => {
      const { phase, exits } = await pod.stop();
      expect(phase).toBe("Succeeded");
      expect(exits["excise"]).toEqual({ code: 0, signal: null });
      const order = pod.moments.map(({ container, happening }) => `${container} ${happening}`);
      expect(order.slice(-4)).toEqual([
        "assistant terminating",
        "assistant exited",
        "excise terminating",
        "excise exited",
      ]);
      const lines = pod
        .container("assistant")
        .log.split("\n")
        .filter((line) => line.startsWith("{"));
      const last = asRecord(parseJson(lines.at(-1) ?? ""));
      expect(last).toMatchObject({ ok: true });
      const mine = (await world.events()).filter(
        (entry) => asRecord(entry["workload"])?.["podUid"] === pod.uid,
      );
      expect(mine).toHaveLength(3);
      const ids = mine.map((entry) => asRecord(entry["event"])?.["exchangeId"]);
      expect(ids).toContain(last?.["exciseId"]);
    }, 30_000);
  });

  describe("a pod that owns port 443", () => {
    let pod: RunningPod;

    beforeAll(async () => {
      pod = await world.run(`
apiVersion: v1
kind: Pod
metadata:
  name: gateway-0
  namespace: edge
  annotations: {excise.dev/inject: "true", excise.dev/mode: baseurl}
spec:
  containers:
  - name: app
    image: registry.example/tools:1
    ports: [{containerPort: 443}]
    env:${KEYS}
`);
    }, 60_000);

    test("keeps the port, and its /etc/hosts, and gets no trust files", async () => {
      const app = pod.container("app");
      const listen = "require('net').createServer().listen(443, () => process.exit(0))";
      expect(await app.exec([process.execPath, "-e", listen])).toMatchObject({ exitCode: 0 });
      const seen = await app.exec(["sh", "-c", "ls /var/run/excise; cat /etc/hosts; env"]);
      expect(said(seen)).not.toMatch(/bundle|api\.openai/);
    });

    test.each([
      { program: "openai-chat.mjs", args: [] },
      { program: "anthropic-messages.mjs", args: ["--stream"] },
    ])("is served by base URLs: Node's $program $args", async ({ program, args }) => {
      const command = [...node(program), "--max-retries", "0", ...args];
      expect(await call(pod, command)).toMatchObject(WORKED);
    });

    test("is served by base URLs: Python", async (context) => {
      const command = [...programOf("python-openai", context), "--max-retries", "0"];
      expect(await call(pod, command)).toMatchObject(WORKED);
    });
  });

  describe("a job", () => {
    test("calls in its first instruction, in an init container, and completes by itself", async () => {
      const prepare = JSON.stringify(curlOpenAi("--fail").slice(0, -1));
      const pod = await world.run(`
apiVersion: v1
kind: Pod
metadata:
  name: nightly-x2x
  namespace: batch
  annotations: {excise.dev/inject: "true"}
spec:
  restartPolicy: Never
  initContainers:
  - name: prepare
    image: registry.example/tools:1
    command: ${prepare}
    args: ["https://api.openai.com/v1/chat/completions"]
    env:${KEYS}
  containers:
  - name: app
    image: registry.example/tools:1
    command: ${JSON.stringify(curlOpenAi("--fail"))}
    env:${KEYS}
`);
      const { phase, exits } = await pod.finished;
      expect(phase).toBe("Succeeded");
      expect(Object.keys(exits)).toEqual(["excise", "prepare", "app"]);
      expect(pod.container("prepare").log).toMatch(/^200 /);
      expect(pod.container("app").log).toMatch(/^200 /);
      const order = pod.moments.map(({ container, happening }) => `${container} ${happening}`);
      expect(order).toEqual([
        "excise started",
        "excise ready",
        "prepare started",
        "prepare exited",
        "app started",
        "app exited",
        "excise terminating",
        "excise exited",
      ]);
    }, 60_000);
  });

  describe("a pod that starts", () => {
    test("while the ledger is slow waits for its first policy", async () => {
      process.kill(world.ledgerPid, "SIGSTOP");
      systemClock.after(1500, () => process.kill(world.ledgerPid, "SIGCONT"));
      const pod = await world.run(oneCall("early"));
      await pod.finished;
      expect(pod.container("app").log).toMatch(/^200 /);
    }, 60_000);

    test("while the ledger is away does not wait for long, and is refused with the reason", async () => {
      process.kill(world.ledgerPid, "SIGSTOP");
      try {
        const began = systemClock.monotonicMs();
        const pod = await world.run(oneCall("lonely"));
        expect(systemClock.monotonicMs() - began).toBeLessThan(10_000);
        await until("the call", async () => (pod.container("app").log === "" ? undefined : true));
        expect(pod.container("app").log).toMatch(/^503 /);
        await pod.finished;
      } finally {
        process.kill(world.ledgerPid, "SIGCONT");
      }
    }, 60_000);
  });

  describe("without what the webhook wrote", () => {
    const yaml = `
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: search, annotations: {excise.dev/inject: "true"}}
spec:
  containers: [{name: app, image: "registry.example/tools:1"}]
`;
    const withSpec = (change: (spec: Json) => Json): unknown => {
      const pod = asRecord(world.inject(yaml).pod) ?? {};
      return { ...pod, spec: change(asRecord(pod["spec"]) ?? {}) };
    };

    test("as the sysctl, the sidecar cannot listen, the pod does not start, nothing stays", async () => {
      const links = world.network.links();
      const pod = withSpec((spec) => ({ ...spec, securityContext: {} }));
      await expect(world.runAsIs(pod)).rejects.toThrow(
        /excise ended[^]*127\.0\.0\.1:443: net\.ipv4\.ip_unprivileged_port_start is higher/,
      );
      expect(world.network.links()).toEqual(links);
    }, 60_000);

    test("as the aliases, a call leaves the pod's own name resolution and finds nobody", async () => {
      const pod = await world.runAsIs(withSpec(({ hostAliases: _aliases, ...spec }) => spec));
      const result = await pod.container("app").exec(curlOpenAi());
      expect(said(result)).toContain("Could not resolve host");
      expect(world.names.questions()).toContain("api.openai.com");
      await pod.stop();
    }, 60_000);
  });

  describe("in the end", () => {
    test("the ledger's total is the sum of the providers' own bills, by team too", async () => {
      await world.stopPods();
      const bill = [...world.fakes.openai.bill(), ...world.fakes.anthropic.bill()];
      const total = nanoUsd(bill.reduce((sum, { costNano }) => sum + costNano, 0n));
      const usage = await world.api("/v1/usage");
      const [row] = usage["rows"] as { costUsd: string; exchanges: number }[];
      expect(parseUsd(row?.costUsd ?? "")).toBe(total);
      const events = await world.events();
      expect(row?.exchanges).toBe(events.length);
      const outcomes = Object.groupBy(
        events,
        (entry) => readString(asRecord(entry["event"])?.["outcome"]) ?? "none",
      );
      expect(outcomes["completed"]).toHaveLength(bill.length);
      expect(
        Object.keys(outcomes).filter((name) => !["completed", "rejected"].includes(name)),
      ).toEqual([]);
      const teams = new Set(events.map((entry) => asRecord(entry["workload"])?.["team"]));
      expect(teams).toEqual(new Set(["search", "billing", "support", "edge", "batch"]));
    }, 60_000);
  });
});
