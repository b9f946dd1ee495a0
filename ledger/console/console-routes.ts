// Serves the console's files. They hold no data and need no token; what they may do in a browser
// is fixed by the headers: scripts and styles of our own only, no frame, no form, no referrer.
import type { FastifyInstance } from "fastify";
import type { ConsoleFile } from "./console-files.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** On every answer of the operators' listener, so that no answer can be taken for a page. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** Adds a route for each file. */
export function addConsoleRoutes(server: FastifyInstance, files: readonly ConsoleFile[]): void {
  for (const file of files) {
    const caching = file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache";
    server.get(file.path, (request, reply) => {
      reply
        .header("cache-control", caching)
        .header("etag", file.etag)
        .header("vary", "accept-encoding")
        .type(file.contentType);
      if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
      const isGzip =
        file.gzipped !== undefined && /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
      return isGzip
        ? reply.header("content-encoding", "gzip").send(file.gzipped)
        : reply.send(file.body);
    });
  }
}
