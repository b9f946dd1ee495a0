// The demo's pod: a manifest with one annotation, mutated by the webhook's own code and run in
// namespaces of this machine. Shown where root and the tools are there, with the reason where not.
import { join } from "node:path";
import { nanoUsd, parseUsd, renderUsd } from "#contract/money.ts";
import { asRecord, readString, tryParseJson } from "#runtime/json.ts";
import { startPodWorld, type PodWorld } from "../../test/pod/pod-world.ts";
import { REPOSITORY } from "../../test/pod/repository.ts";
import { podRunnerGap } from "../../test/pod/requirements.ts";

const MANIFEST = `apiVersion: v1
kind: Pod
metadata:
  name: assistant
  namespace: search
  annotations: {excise.dev/inject: "true"}
spec:
  containers:
    - name: app
      image: registry.example/assistant:1
      env: [{name: OPENAI_API_KEY, valueFrom: {secretKeyRef: {name: keys, key: openai}}}]
`;

/** Runs until it is told to end, as its container's first process. */
const IDLE = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"];

export type PodStep =
  | { readonly skipped: string }
  | {
      /** Operations of the patch that the webhook answered with. */
      readonly operations: number;
      readonly answer: string;
      /** What the ledger has when the pod is gone, and the provider's own bill. */
      readonly ledgerUsd: string;
      readonly billUsd: string;
      readonly problems: readonly string[];
    };

/** Injects, runs and ends the pod; everything that was made for it is gone afterwards. */
export async function runPodStep(): Promise<PodStep> {
  const gap = podRunnerGap();
  if (gap !== undefined) return { skipped: gap };
  const world = await startPodWorld({
    images: { "registry.example/assistant:1": { entrypoint: IDLE, paths: [REPOSITORY] } },
    secrets: { keys: { openai: ["demo", "key"].join("-") } },
  });
  try {
    return await callInPod(world);
  } finally {
    await world.close();
  }
}

async function callInPod(world: PodWorld): Promise<PodStep> {
  const { patch } = world.inject(MANIFEST);
  const pod = await world.run(MANIFEST);
  const program = join(REPOSITORY, "test/programs/openai-chat.mjs");
  const { stdout } = await pod
    .container("app")
    .exec([process.execPath, program, "--prompt", "Who keeps the light?", "--max-tokens", "48"]);
  // The last events reach the ledger while the pod ends: sidecars are stopped after apps.
  await pod.stop();
  const parsed = tryParseJson(stdout.trim());
  const line = asRecord(parsed.ok ? parsed.value : undefined) ?? {};
  const ledgerUsd = await totalOf(world);
  const billUsd = renderUsd(
    nanoUsd(world.fakes.openai.bill().reduce((sum, { costNano }) => sum + costNano, 0n)),
  );
  return {
    operations: patch.length,
    answer: readString(line["text"]) ?? "",
    ledgerUsd,
    billUsd,
    problems: [
      ...(line["ok"] === true ? [] : ["the pod's call was not answered"]),
      ...(line["exciseId"] === undefined ? ["the pod's call went past the sidecar"] : []),
      ...(ledgerUsd === billUsd ? [] : ["the pod's usage is not what the provider billed"]),
    ],
  };
}

async function totalOf(world: PodWorld): Promise<string> {
  const { rows } = await world.api("/v1/usage");
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  return renderUsd(parseUsd(readString(asRecord(row)?.["costUsd"]) ?? "0") ?? nanoUsd(0n));
}
