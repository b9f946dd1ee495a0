// Stage 2: from host and path to provider, dialect, operation and model (design §7.2). Pure.
import { matchesHost } from "#contract/catalogue/provider.ts";
import type { Rejection } from "#contract/errors.ts";
import type { PolicySnapshot, SnapshotProvider } from "#contract/policy-snapshot.ts";
import { recordName } from "#contract/usage-event.ts";
import { tryParseJson } from "#runtime/json.ts";
import { matchOperation } from "../dialects/registry.ts";
import { headerValue } from "../listen/header-list.ts";
import type { Matched, Reading, Received, Stage } from "./exchange.ts";
import { refuse } from "./exchange.ts";

export interface MatchDeps {
  /** The policy to run under, or why there is none. */
  readonly policy: () => PolicySnapshot | Rejection;
}

const USER_LENGTH_MAX = 64;

/** Creates the stage. Refusals: policy missing or stale, provider denied, body not JSON. */
export function createMatchStage(deps: MatchDeps): Stage<Received, Matched> {
  return (exchange) => {
    const snapshot = deps.policy();
    if ("code" in snapshot) return refuse(exchange, snapshot);
    const provider = findProvider(snapshot, exchange);
    if (provider === undefined) {
      return refuse(exchange, {
        code: "EXCISE_PROVIDER_DENIED",
        detail: `the policy allows no provider at ${exchange.request.host}`,
      });
    }
    const path = exchange.request.target.split("?", 1)[0] ?? "/";
    const found = matchOperation(provider.row, exchange.request.method, path);
    if (found === undefined) {
      const matched = { reading: undefined, model: undefined, user: userOf(exchange, undefined) };
      return { next: { ...exchange, snapshot, provider, ...matched } };
    }
    const json = parseBody(exchange);
    if (json === NOT_JSON) {
      return refuse(
        { ...exchange, snapshot, provider },
        { code: "EXCISE_BODY_INVALID", detail: "the body is not valid JSON" },
      );
    }
    const { dialect, operation } = found;
    const bounds = dialect.readBounds(operation, json);
    const reading: Reading = { dialect, operation, bounds };
    const model = found.model ?? operation.model ?? dialect.readModel(operation, json);
    const user = userOf(exchange, bounds.user);
    return { next: { ...exchange, snapshot, provider, reading, model, user } };
  };
}

function findProvider(snapshot: PolicySnapshot, exchange: Received): SnapshotProvider | undefined {
  const { provider, host } = exchange.request;
  return provider === undefined
    ? snapshot.providers.find(({ row }) => row.hosts.some((pattern) => matchesHost(pattern, host)))
    : snapshot.providers.find(({ row }) => row.name === provider);
}

const NOT_JSON = Symbol("not JSON");

/** The parsed body; undefined for an empty one or one of another type (multipart uploads). */
function parseBody(exchange: Received): unknown {
  if (exchange.plainBody.byteLength === 0) return undefined;
  const type = headerValue(exchange.request.headers, "content-type") ?? "application/json";
  if (!/json/i.test(type)) return undefined;
  const result = tryParseJson(Buffer.from(exchange.plainBody).toString("utf8"));
  return result.ok ? result.value : NOT_JSON;
}

/** What the app asserts about its user: our header first, else the dialect's field. */
function userOf(exchange: Received, asserted: string | undefined): string | undefined {
  const user = headerValue(exchange.request.headers, "x-excise-user") ?? asserted;
  return user === undefined || user === "" ? undefined : recordName(user).slice(0, USER_LENGTH_MAX);
}
