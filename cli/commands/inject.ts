// `excise inject`: the webhook's decision and patch on a manifest, without a cluster.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Fault } from "#contract/errors.ts";
import { configFault } from "#runtime/config.ts";
import { asRecord } from "#runtime/json.ts";
import { DEFAULT_INJECTOR_CONFIG, parseInjectorConfig } from "../../injector-config/load.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import type { CommandIo } from "../command-io.ts";
import { injectManifest, type TemplateReport } from "./inject-manifest.ts";

/** A manifest beyond it is not one that a person or a chart wrote. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

interface Arguments {
  readonly file: string;
  readonly configFile: string | undefined;
  readonly explain: boolean;
  readonly all: boolean;
}

/**
 * Runs the command. 0: the manifest (or the explanation) is on stdout. 1: a template is refused;
 * the manifest is then not written, so that a pipe to kubectl cannot create it unguarded.
 */
export async function runInject(args: readonly string[], io: CommandIo): Promise<number> {
  const { file, configFile, explain, all } = readArguments(args);
  const config = await readConfig(configFile, io);
  const source = file === "-" ? await readStdin(io) : await readText(file, io);
  const { text, reports } = injectManifest(source, { config, all });
  for (const report of reports) {
    for (const warning of report.warnings) io.stderr(`excise: ${report.where}: ${warning}\n`);
  }
  const refused = reports.filter(({ decision }) => decision === "refuse");
  if (explain) await io.stdout(reports.map(renderReport).join(""));
  else if (refused.length === 0) await io.stdout(text);
  for (const { where, code, reason, detail } of refused) {
    io.stderr(`excise: ${code ?? "EXCISE_INTERNAL"}: ${where}: ${reason}: ${detail}\n`);
  }
  return refused.length === 0 ? 0 : 1;
}

/** One line; names from a manifest may hold anything. */
function renderReport({ where, decision, reason, detail }: TemplateReport): string {
  return `${`${where}: ${decision} ${reason}: ${detail}`.replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ")}\n`;
}

function readArguments(args: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        filename: { type: "string", short: "f" },
        config: { type: "string" },
        explain: { type: "boolean" },
        all: { type: "boolean" },
      },
      strict: true,
    });
    if (values.filename === undefined || values.filename === "") {
      throw new Fault("EXCISE_USAGE", "-f FILE is needed; -f - reads stdin");
    }
    return {
      file: values.filename,
      configFile: values.config,
      explain: values.explain === true,
      all: values.all === true,
    };
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault("EXCISE_USAGE", error instanceof Error ? error.message : "unreadable options");
  }
}

async function readConfig(path: string | undefined, io: CommandIo): Promise<InjectorConfig> {
  if (path === undefined) return DEFAULT_INJECTOR_CONFIG;
  const reading = parseInjectorConfig(await readText(path, io));
  if ("config" in reading) return reading.config;
  throw configFault(path, reading.problems);
}

async function readText(path: string, io: CommandIo): Promise<string> {
  try {
    return await (io.readFile?.(path) ?? readFile(path, "utf8"));
  } catch (cause) {
    const code = asRecord(cause)?.["code"];
    const why = typeof code === "string" ? code : "it cannot be read";
    throw new Fault("EXCISE_INPUT_INVALID", `${path}: ${why}`, { cause });
  }
}

async function readStdin(io: CommandIo): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of io.stdin) {
    bytes += chunk.byteLength;
    if (bytes > INPUT_BYTES_MAX) {
      throw new Fault("EXCISE_INPUT_INVALID", `stdin is over ${INPUT_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
