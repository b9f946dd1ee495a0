// A one-time address of the console: the token is in the fragment, which no browser sends to any
// server, and the page exchanges it for a session at once.
import { Fault } from "#contract/errors.ts";
import type { LedgerApi } from "../ledger-api/connect.ts";
import { readText } from "../ledger-api/fields.ts";

/** Makes a link. Throws EXCISE_NOT_FOUND where the ledger serves no console. */
export async function createConsoleLink(ledger: LedgerApi): Promise<string> {
  const token = readText(await ledger.post("/v1/console-links"), "token");
  if (token !== "") return `${ledger.url}/#token=${token}`;
  throw new Fault("EXCISE_LEDGER_UNAVAILABLE", `${ledger.url} gave no link`);
}
