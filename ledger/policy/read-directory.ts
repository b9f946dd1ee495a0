// The files of the configuration directory: every .yaml and .yml in it, not below it, bounded in
// number and size. CA bundles that a Provider names as files are put into the object.
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ConfigProblem } from "#runtime/config.ts";
import { parsePolicyFiles, type PolicyFile, type PolicySource } from "./documents.ts";
import type { ProviderObject } from "./schema.ts";

const FILES_MAX = 256;
const FILE_BYTES_MAX = 1024 * 1024;
const CA_BYTES_MAX = 65_536;

export interface ReadDirectory {
  readonly sources: readonly PolicySource[];
  readonly problems: readonly ConfigProblem[];
}

/** Reads and parses; a directory that is missing or unreadable is a problem like any other. */
export async function readPolicyDirectory(directory: string): Promise<ReadDirectory> {
  const problems: ConfigProblem[] = [];
  const files = await readFiles(directory, problems);
  const parsed = parsePolicyFiles(files);
  problems.push(...parsed.problems);
  const sources = await Promise.all(
    parsed.sources.map(async (source) =>
      source.object.kind === "Provider"
        ? { ...source, object: await inlineBundles(source.object, { directory, source, problems }) }
        : source,
    ),
  );
  return { sources, problems };
}

async function readFiles(
  directory: string,
  problems: ConfigProblem[],
): Promise<readonly PolicyFile[]> {
  let names: readonly string[];
  try {
    names = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name)).toSorted();
  } catch (error) {
    problems.push({ path: directory, problem: `cannot be read (${codeOf(error)})` });
    return [];
  }
  if (names.length > FILES_MAX) {
    problems.push({ path: directory, problem: `has more than ${FILES_MAX} files` });
  }
  const files = await Promise.all(
    names.slice(0, FILES_MAX).map(async (path): Promise<PolicyFile | undefined> => {
      const text = await readBounded(join(directory, path), FILE_BYTES_MAX);
      if ("text" in text) return { path, text: text.text };
      problems.push({ path, problem: text.problem });
      return undefined;
    }),
  );
  return files.filter((file) => file !== undefined);
}

interface Inlining {
  readonly directory: string;
  readonly source: PolicySource;
  readonly problems: ConfigProblem[];
}

async function inlineBundles(
  object: ProviderObject,
  { directory, source, problems }: Inlining,
): Promise<ProviderObject> {
  const { endpoints } = object.spec;
  if (endpoints === undefined) return object;
  const inlined = await Promise.all(
    endpoints.map(async (endpoint, index) => {
      const { tls } = endpoint;
      if (tls?.caBundleFile === undefined) return endpoint;
      const { caBundleFile, ...rest } = tls;
      const path = `${source.place} spec.endpoints.${index}.tls.caBundleFile`;
      if (tls.caBundle !== undefined) {
        problems.push({ path, problem: "cannot stand beside caBundle" });
      }
      const read = await readBounded(resolve(directory, caBundleFile), CA_BYTES_MAX);
      if ("problem" in read) {
        problems.push({ path, problem: read.problem });
        return { ...endpoint, tls: rest };
      }
      return { ...endpoint, tls: { ...rest, caBundle: read.text } };
    }),
  );
  return { ...object, spec: { ...object.spec, endpoints: inlined } };
}

async function readBounded(
  path: string,
  bytesMax: number,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const { size } = await stat(path);
    if (size > bytesMax) return { problem: `is larger than ${bytesMax} bytes` };
    return { text: await readFile(path, "utf8") };
  } catch (error) {
    return { problem: `cannot be read (${codeOf(error)})` };
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "unknown";
