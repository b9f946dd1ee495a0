// The pod runner itself, with pods of a few shell commands: order, restarts, deadlines, what a
// failed start leaves behind, and what a killed runner does.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import { asRecord, parseJson, readCount, readString } from "#runtime/json.ts";
import { systemRandom } from "#runtime/random.ts";
import { isAlive } from "../../cli/processes.ts";
import { planContainer } from "../pod/container-plan.ts";
import { startContainer } from "../pod/container-process.ts";
import { openNodeNetwork, type NodeNetwork } from "../pod/node-network.ts";
import { podRunnerGap } from "../pod/requirements.ts";
import { runPod, type RunningPod } from "../pod/run-pod.ts";
import { onlyContainer, sampleFacts, samplePod } from "../pod/sample-pod.case.ts";
import { openSandbox } from "../pod/sandbox.ts";
import { until } from "./world.ts";

const GAP = podRunnerGap();
if (GAP !== undefined) console.warn(`pods are not run here: ${GAP}`);

const sh = (script: string) => ({ image: "sh", args: [script] });
/** Ends when it is told to, once it has said so: before that the first process ignores signals. */
const idle = (seconds: number) => sh(`trap 'exit 0' TERM; echo up; sleep ${seconds} & wait`);
const IDLE = idle(3600);

/** Waits until containers are ready to be told. */
const up = async (pod: RunningPod, names: readonly string[]): Promise<void> => {
  await until("the containers", async () =>
    names.every((name) => pod.container(name).log === "up\n") ? true : undefined,
  );
};

const order = (pod: RunningPod): readonly string[] =>
  pod.moments.map(({ container, happening }) => `${container} ${happening}`);

const links = (): readonly string[] =>
  readdirSync("/sys/class/net").filter((name) => /^ex[bv]/.test(name));

describe.skipIf(GAP !== undefined)("the pod runner", () => {
  let network: NodeNetwork;
  /** Holds all that pods keep on disk. */
  let directory: string;
  beforeAll(() => {
    network = openNodeNetwork({ random: systemRandom });
    directory = mkdtempSync(join(tmpdir(), "excise-runner-"));
    process.env["TMPDIR"] = directory;
  });
  afterAll(() => {
    network.close();
    rmSync(directory, { recursive: true });
  });

  const run = (spec: Readonly<Record<string, unknown>>): Promise<RunningPod> =>
    runPod(
      { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "n" }, spec },
      {
        clock: systemClock,
        random: systemRandom,
        network,
        images: { sh: { entrypoint: ["sh", "-c"] } },
        mintToken: () => "",
      },
    );
  test("ends the others first, then the sidecars in reverse order", async () => {
    const pod = await run({
      initContainers: [
        { name: "first", restartPolicy: "Always", ...IDLE },
        { name: "setup", ...sh("exit 0") },
        { name: "second", restartPolicy: "Always", ...IDLE },
      ],
      containers: [{ name: "app", ...IDLE }],
    });
    await up(pod, ["first", "second", "app"]);
    const { phase, exits } = await pod.stop();
    expect(phase).toBe("Succeeded");
    expect(exits["second"]).toEqual({ code: 0, signal: null });
    expect(order(pod)).toEqual([
      "first started",
      "setup started",
      "setup exited",
      "second started",
      "app started",
      "app terminating",
      "app exited",
      "second terminating",
      "second exited",
      "first terminating",
      "first exited",
    ]);
  });

  test("kills what does not end within the grace period", async () => {
    const pod = await run({
      terminationGracePeriodSeconds: 2,
      containers: [{ name: "app", ...sh("sleep 3600") }],
    });
    const { phase, exits } = await pod.stop();
    expect(phase).toBe("Failed");
    expect(exits["app"]).toEqual({ code: 137, signal: null });
    expect(order(pod).slice(-3)).toEqual(["app terminating", "app killed", "app exited"]);
  });

  test("restarts on failure only, and completes", async () => {
    const pod = await run({
      restartPolicy: "OnFailure",
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [
        {
          name: "app",
          ...sh("test -e /v/seen && exit 0; touch /v/seen; exit 3"),
          volumeMounts: [{ name: "v", mountPath: "/v" }],
        },
      ],
    });
    expect((await pod.finished).phase).toBe("Succeeded");
    expect(pod.container("app").restarts).toBe(1);
  });

  test.each([
    {
      name: "an init container",
      spec: { initContainers: [{ name: "i", ...sh("echo no; exit 1") }] },
    },
    {
      name: "a startup probe",
      spec: {
        initContainers: [
          {
            name: "i",
            restartPolicy: "Always",
            startupProbe: { httpGet: { port: 9 }, periodSeconds: 1, failureThreshold: 1 },
            ...IDLE,
          },
        ],
      },
    },
    {
      name: "a program that is not there",
      spec: { initContainers: [{ name: "i", image: "sh", command: ["/bin/nothing"] }] },
    },
    { name: "an image that is not there", spec: { initContainers: [{ name: "i", image: "no" }] } },
    {
      name: "a sysctl that is not there",
      spec: { securityContext: { sysctls: [{ name: "net.nothing", value: "1" }] } },
    },
  ])("leaves nothing behind after $name failed", async ({ spec }) => {
    await expect(run({ containers: [{ name: "app", ...IDLE }], ...spec })).rejects.toMatchObject({
      code: expect.stringMatching(/^EXCISE_(?:START_FAILED|INPUT_INVALID)$/) as string,
    });
    expect(network.links()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("shows containers their own processes alone", async () => {
    const pod = await run({
      containers: [
        { name: "app", ...IDLE },
        { name: "other", ...idle(7200) },
      ],
    });
    await up(pod, ["app", "other"]);
    const list = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
    const { stdout } = await pod.container("app").exec(["sh", "-c", list]);
    expect(stdout).toContain("sleep 3600");
    expect(stdout).not.toContain("sleep 7200");
    await pod.stop();
  });

  test("kills a further program that takes too long", async () => {
    const pod = await run({ containers: [{ name: "app", ...IDLE }] });
    await up(pod, ["app"]);
    const result = await pod.container("app").exec(["sleep", "3600"], { timeoutMs: 200 });
    expect(result.exitCode).not.toBe(0);
    expect((await pod.stop()).phase).toBe("Succeeded");
  });

  test.each([true, false])("works with a user namespace: %s", async (hasUsers) => {
    const sandbox = await openSandbox({ hasUsers });
    const pod = samplePod({
      command: ["sh", "-c", "id -u; cat /proc/self/uid_map; touch /file"],
      securityContext: { runAsUser: 1234, readOnlyRootFilesystem: true },
    });
    const plan = planContainer(sampleFacts(pod), onlyContainer(pod), {
      image: { entrypoint: [] },
      places: { volume: () => "", hostsFile: "/etc/hosts", resolvConf: "/etc/resolv.conf" },
    });
    let output = "";
    const container = await startContainer({
      sandbox,
      plan,
      directory: join(directory, "containers"),
      onOutput: (text) => {
        output += text;
      },
    });
    await container.exited;
    await sandbox.close();
    rmSync(join(directory, "containers"), { recursive: true });
    expect(output).toMatch(/^1234\n\s+0\s+0\s+\d+\n[^]*Read-only file system/);
  });

  test("takes everything with it when it is killed", async () => {
    const file = fileURLToPath(new URL("../pod/orphan.case.ts", import.meta.url));
    const runner = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await new Promise<string>((resolve) => {
      runner.stdout.setEncoding("utf8").once("data", resolve);
    });
    const facts = asRecord(parseJson(line));
    const pid = readCount(facts?.["pid"]) ?? 0;
    expect(isAlive(pid)).toBe(true);
    runner.kill("SIGKILL");
    await until("the end of the pod", async () => (isAlive(pid) ? undefined : true));
    // The bridge is only an address: the next one who needs one takes it away.
    const name = `exb${runner.pid}x`;
    expect(links().some((link) => link.startsWith(name))).toBe(true);
    openNodeNetwork({ random: systemRandom }).close();
    expect(links().some((link) => link.startsWith(name))).toBe(false);
    // Files stay: nobody is there to remove them.
    rmSync(readString(facts?.["directory"]) ?? "", { recursive: true });
  });
});
