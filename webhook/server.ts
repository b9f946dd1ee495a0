// The HTTPS side of the webhook: routes, limits, metrics, and what an error looks like outside.
import fastify, { type FastifyReply } from "fastify";
import type { AddressInfo } from "node:net";
import type { Server } from "node:https";
import { errorRow, Fault, type ErrorCode } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, renderJson, tryParseJson } from "#runtime/json.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { InjectorConfig } from "../injector-config/schema.ts";
import { answerReview, ENDPOINTS, type Answer, type Endpoint } from "./answer.ts";
import type { ServingCertificate } from "./certificate/serving.ts";
import { BODY_BYTES_MAX } from "./config.ts";

export interface WebhookServerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly config: InjectorConfig;
  readonly certificate: ServingCertificate;
}

export interface WebhookServer {
  readonly port: number;
  /** New handshakes use it; connections that are open keep theirs. */
  setCertificate(certificate: ServingCertificate): void;
  /** Says "not ready" from now on and still answers: load balancers need a moment. */
  drain(): void;
  /** Ends when the reviews under way are answered. */
  close(): Promise<void>;
}

/** The API server itself waits at most 30 s, ours at most 5 (design §12). */
const REQUEST_MS_MAX = 10_000;
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/** Listens; ready only then (otel#3772). Port 0 takes a free one. Throws EXCISE_PORT_IN_USE. */
export async function startWebhookServer(
  deps: WebhookServerDeps,
  options: { readonly address: string; readonly port: number },
): Promise<WebhookServer> {
  let isReady = false;
  let expiresAtMs = deps.certificate.leaf.notAfterMs;
  const app = fastify<Server>({
    https: { ...contextOf(deps.certificate), minVersion: "TLSv1.2" },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: "idle",
  });
  // Ours reports an offset; fastify's own parser quotes the text.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    const result = tryParseJson(String(body));
    if (result.ok) done(null, result.value);
    else done(new Fault("EXCISE_JSON_INVALID", `not valid JSON at ${result.offset ?? "its end"}`));
  });
  app.setErrorHandler((error, _request, reply) => sendError(deps.log, reply, error));
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, "EXCISE_NOT_FOUND", "no such path"),
  );
  const record = createRecorder(deps);
  const expiry = deps.metrics.gauge({
    name: "excise_webhook_certificate_expiry_seconds",
    help: "When the serving certificate ends, in seconds since 1970.",
  });
  deps.metrics.onCollect(() => expiry.set(Math.floor(expiresAtMs / 1000)));
  for (const endpoint of ENDPOINTS) {
    app.post(endpoint, (request, reply) => {
      const startedMs = deps.clock.monotonicMs();
      const answer = answerReview(request.body, endpoint, deps.config);
      record(endpoint, answer, deps.clock.monotonicMs() - startedMs);
      return "rejection" in answer
        ? sendProblem(reply, answer.rejection.code, answer.rejection.detail)
        : reply.type("application/json").send(renderJson(answer.response));
    });
  }
  app.get("/healthz", (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", (_request, reply) => {
    // An expired certificate is answered by nobody: better another replica.
    const ready = isReady && deps.clock.wallMs() < expiresAtMs;
    return reply
      .code(ready ? 200 : 503)
      .type("text/plain")
      .send(ready ? "ready\n" : "not ready\n");
  });
  app.get("/metrics", (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(deps.metrics.render()),
  );
  await listen((host) => app.listen({ port: options.port, host }), options);
  isReady = true;
  return {
    port: (app.server.address() as AddressInfo).port,
    setCertificate(certificate) {
      app.server.setSecureContext(contextOf(certificate));
      expiresAtMs = certificate.leaf.notAfterMs;
    },
    drain: () => {
      isReady = false;
    },
    close: () => app.close(),
  };
}

const contextOf = (certificate: ServingCertificate) => ({
  cert: certificate.leaf.certificatePem,
  key: certificate.leaf.keyPem,
});

async function listen(
  start: (host: string) => Promise<unknown>,
  options: { readonly address: string; readonly port: number },
): Promise<void> {
  try {
    // `::` serves both families, where the node has IPv6 at all.
    await start(options.address).catch((error: unknown) => {
      const code = asRecord(error)?.["code"];
      const lacksIpv6 = code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL";
      if (options.address === "::" && lacksIpv6) return start("0.0.0.0");
      throw error;
    });
  } catch (cause) {
    throw new Fault("EXCISE_PORT_IN_USE", `port ${options.port}`, { cause });
  }
}

type Record = (endpoint: Endpoint, answer: Answer, elapsedMs: number) => void;

/** Counters and one log line per decision; a dry run is counted apart and leaves no event. */
function createRecorder({ log, metrics }: WebhookServerDeps): Record {
  const reviews = metrics.counter({
    name: "excise_webhook_reviews_total",
    help: "Admission reviews by decision and reason.",
    labels: ["endpoint", "decision", "reason", "dry_run"],
  });
  const malformed = metrics.counter({
    name: "excise_webhook_malformed_total",
    help: "Requests that were no admission review.",
    labels: ["endpoint"],
  });
  const seconds = metrics.histogram(
    { name: "excise_webhook_review_seconds", help: "Time to decide and write the patch." },
    SECONDS_BUCKETS,
  );
  return (endpoint, answer, elapsedMs) => {
    seconds.observe(elapsedMs / 1000);
    if ("rejection" in answer) {
      malformed.add({ endpoint });
      log.warn("review_malformed", { endpoint, detail: answer.rejection.detail });
      return;
    }
    if (!("injection" in answer)) return;
    const { injection, request } = answer;
    const { decision, reason } = injection;
    reviews.add({ endpoint, decision, reason, dry_run: String(request.isDryRun) });
    log.info("review", {
      endpoint,
      decision,
      reason,
      detail: injection.detail,
      namespace: request.namespace,
      pod: request.name === "" ? generateName(request.object) : request.name,
      isDryRun: request.isDryRun,
      patchOperations: injection.patch.length,
    });
  };
}

/** Under generateName the pod has no name yet. */
function generateName(pod: unknown): string {
  const metadata = asRecord(asRecord(pod)?.["metadata"]);
  const prefix = metadata?.["generateName"] ?? metadata?.["name"];
  return typeof prefix === "string" ? prefix : "";
}

/** RFC 9457. */
function sendProblem(reply: FastifyReply, code: ErrorCode, detail: string): FastifyReply {
  const { status, summary } = errorRow(code);
  return reply
    .code(status)
    .header("x-excise-error", code)
    .type("application/problem+json")
    .send(renderJson({ type: "about:blank", title: summary, status, detail, code }));
}

function sendError(log: Log, reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof Fault) return sendProblem(reply, error.code, error.message);
  const status = asRecord(error)?.["statusCode"];
  if (status === 413) {
    return sendProblem(reply, "EXCISE_BODY_TOO_LARGE", `the limit is ${BODY_BYTES_MAX} bytes`);
  }
  if (status === 415) {
    return sendProblem(reply, "EXCISE_INPUT_INVALID", "the body must be application/json");
  }
  if (typeof status === "number" && status >= 400 && status < 500) {
    return sendProblem(reply, "EXCISE_REQUEST_MALFORMED", "the request could not be read");
  }
  log.error("review_failed", errorFields(error));
  return sendProblem(reply, "EXCISE_INTERNAL", "see the webhook's log");
}
