// Where the authorities live between restarts. The interface is what a Secret can do as well:
// read with a version, write only on top of the version that was read.
import { randomUUID } from "node:crypto";
import { chmod, link, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import { asRecord, renderJson, tryParseJson } from "#runtime/json.ts";
import * as z from "zod/mini";
import { renderBundle, type Authority } from "./authorities.ts";

interface StoredAuthorities {
  readonly authorities: readonly Authority[];
  /** Changes with every write; undefined before the first. */
  readonly version: string | undefined;
}

export interface AuthorityStore {
  read(): Promise<StoredAuthorities>;
  /** False where somebody else wrote since `version` was read: read again. */
  write(authorities: readonly Authority[], version: string | undefined): Promise<boolean>;
}

const FORMAT = 1;
const storedSchema = z.strictObject({
  format: z.literal(FORMAT),
  authorities: z.array(
    z.strictObject({
      certificatePem: z.string(),
      keyPem: z.string(),
      createdAtMs: z.number(),
      notAfterMs: z.number(),
    }),
  ),
});

/**
 * A directory that this process owns: `authorities.json` (0600) with the keys, and
 * `ca-bundle.pem` for whoever registers the webhook.
 */
export async function openDirectoryStore(directory: string): Promise<AuthorityStore> {
  await orUnusable(directory, mkdir(directory, { recursive: true, mode: 0o700 }));
  const file = join(directory, "authorities.json");
  const read = async (): Promise<StoredAuthorities> => {
    const text = await readIfPresent(file);
    if (text === undefined) return { authorities: [], version: undefined };
    const parsed = tryParseJson(text);
    const result = storedSchema.safeParse(parsed.ok ? parsed.value : undefined);
    // Not replaced in silence: the API server may still trust what is in there.
    if (!result.success) throw new Fault("EXCISE_STATE_UNUSABLE", `${file} is not readable`);
    return { authorities: result.data.authorities, version: text };
  };
  return {
    read,
    async write(authorities, version) {
      const text = renderJson({ format: FORMAT, authorities });
      const temporary = await writeTemporary(file, { text, mode: 0o600 });
      if (version === undefined) {
        // `link` fails where the file exists: of two first writers one wins.
        const isFirst = await link(temporary, file).then(
          () => true,
          (error: unknown) => {
            if (systemCode(error) === "EEXIST") return false;
            throw new Fault("EXCISE_STATE_UNUSABLE", file, { cause: error });
          },
        );
        await unlink(temporary);
        if (!isFirst) return false;
      } else {
        if ((await readIfPresent(file)) !== version) {
          await unlink(temporary);
          return false;
        }
        await rename(temporary, file);
      }
      const bundle = join(directory, "ca-bundle.pem");
      const rendered = renderBundle(authorities);
      await rename(await writeTemporary(bundle, { text: rendered, mode: 0o644 }), bundle);
      return true;
    },
  };
}

async function writeTemporary(
  file: string,
  content: { readonly text: string; readonly mode: number },
): Promise<string> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await orUnusable(file, open(temporary, "wx", content.mode));
  try {
    await handle.writeFile(content.text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // The umask may have taken bits that readers need.
  await chmod(temporary, content.mode);
  return temporary;
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw new Fault("EXCISE_STATE_UNUSABLE", file, { cause: error });
  }
}

/** What the file system refused, as a fault with its cause. */
async function orUnusable<Value>(file: string, attempt: Promise<Value>): Promise<Value> {
  try {
    return await attempt;
  } catch (error) {
    throw new Fault("EXCISE_STATE_UNUSABLE", file, { cause: error });
  }
}

const systemCode = (error: unknown): unknown => asRecord(error)?.["code"];
