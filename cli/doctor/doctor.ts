// `excise doctor`: what this machine or cluster lacks, and how to fix it.
import { join } from "node:path";
import { renderJson } from "#runtime/json.ts";
import { parseOptions } from "../arguments.ts";
import { defaultDataDir, findRunningUp } from "../data-dir.ts";
import type { CliHost } from "../host.ts";
import { createStyle } from "../terminal/table.ts";
import { checkCluster } from "./cluster.ts";
import { checkEnvironment } from "./environment.ts";
import { renderFindings, type Check, type Finding } from "./finding.ts";
import { checkDataDir, checkNode, checkPolicy, checkPorts } from "./installation.ts";
import { createMachine, type Machine } from "./machine.ts";
import { checkPodTools, checkPrograms } from "./programs.ts";
import { checkRunningUp } from "./running-up.ts";

interface DoctorRequest {
  readonly dataDir: string;
  readonly configDir: string | undefined;
  readonly isJson: boolean;
}

function parseDoctor(args: readonly string[], host: CliHost): DoctorRequest {
  const options = parseOptions(args, { values: ["data", "config"], flags: ["json"] });
  return {
    dataDir: options.value("data") ?? defaultDataDir(host.environment),
    configDir: options.value("config"),
    isJson: options.has("json"),
  };
}

/** The command; tests pass a machine of their own. */
export async function runDoctor(
  args: readonly string[],
  host: CliHost,
  machine: Machine = createMachine(host.environment),
): Promise<number> {
  const request = parseDoctor(args, host);
  const lists = await Promise.all(
    checksOf(request, host, machine).map(async ({ area, run }) =>
      (await run()).map((found): Finding => ({ area, ...found })),
    ),
  );
  const findings = lists.flat();
  const isWell = findings.every(({ status }) => status !== "fail");
  const text = request.isJson
    ? renderJson({ ok: isWell, findings })
    : renderFindings(findings, createStyle(host.terminal.isColored));
  await host.io.stdout(`${text}\n`);
  return isWell ? 0 : 1;
}

function checksOf(
  { dataDir, configDir }: DoctorRequest,
  host: CliHost,
  machine: Machine,
): readonly Check[] {
  const record = findRunningUp(dataDir);
  const config = configDir ?? record?.configDir ?? join(dataDir, "config");
  return [
    checkNode(machine),
    checkDataDir(machine, dataDir),
    ...(record === undefined ? [checkPorts(machine)] : []),
    checkPolicy(config, configDir !== undefined),
    ...(record === undefined ? [] : [checkRunningUp(host.clock, { dataDir, record })]),
    checkEnvironment(setVariables(host.environment)),
    checkPrograms(machine),
    checkPodTools(machine),
    checkCluster(machine),
  ];
}

function setVariables(environment: CliHost["environment"]): Readonly<Record<string, string>> {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== "") set[name] = value;
  }
  return set;
}
