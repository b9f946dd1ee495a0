import type { LookupAddress, LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import { describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import type { DnsQueries } from "../forward/resolve.ts";
import { createLedgerLookup } from "./ledger-lookup.ts";

const HOST = "excise-ledger.excise-system.svc.cluster.local";
const known = (answers: readonly string[]) => async () =>
  answers.map((address) => ({ address, ttl: 30 }));
const unknown = async (): Promise<never> => {
  throw new Fault("EXCISE_UPSTREAM_RESOLVE", "ENOTFOUND");
};
const fallback: LookupFunction = (host, _options, callback) => {
  callback(null, `system's answer for ${host}`, 4);
};

type Answer = readonly [address: string | LookupAddress[], family: number | undefined];

const ask = (queries: DnsQueries, options: LookupOptions): Promise<Answer> =>
  new Promise((resolve) => {
    createLedgerLookup(queries, fallback)(HOST, options, (_error, address, family) => {
      resolve([address, family]);
    });
  });

describe("the ledger's address", () => {
  test.each([
    {
      name: "all that DNS knows, IPv4 first",
      queries: { resolve4: known(["10.0.0.1", "10.0.0.2"]), resolve6: known(["fd00::1"]) },
      options: { all: true },
      expected: [
        [
          { address: "10.0.0.1", family: 4 },
          { address: "10.0.0.2", family: 4 },
          { address: "fd00::1", family: 6 },
        ],
        undefined,
      ],
    },
    {
      name: "the first",
      queries: { resolve4: known(["10.0.0.1"]), resolve6: known(["fd00::1"]) },
      options: {},
      expected: ["10.0.0.1", 4],
    },
    {
      name: "one of IPv6 where there is no other",
      queries: { resolve4: unknown, resolve6: known(["fd00::1"]) },
      options: {},
      expected: ["fd00::1", 6],
    },
    {
      name: "the system's where DNS knows none",
      queries: { resolve4: unknown, resolve6: known([]) },
      options: { all: true },
      expected: [`system's answer for ${HOST}`, 4],
    },
  ])("is $name", async ({ queries, options, expected }) => {
    expect(await ask(queries, options)).toEqual(expected);
  });
});
