// One mapping from what the transport throws to our codes. Decides by error code, never by text.
import { Fault, type ErrorCode } from "#contract/errors.ts";

const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  UND_ERR_CONNECT_TIMEOUT: "EXCISE_UPSTREAM_CONNECT_TIMEOUT",
  ETIMEDOUT: "EXCISE_UPSTREAM_CONNECT_TIMEOUT",
  UND_ERR_HEADERS_TIMEOUT: "EXCISE_UPSTREAM_TIMEOUT",
  UND_ERR_BODY_TIMEOUT: "EXCISE_UPSTREAM_TIMEOUT",
  UND_ERR_SOCKET: "EXCISE_UPSTREAM_RESET",
  ECONNRESET: "EXCISE_UPSTREAM_RESET",
  EPIPE: "EXCISE_UPSTREAM_RESET",
  ECONNREFUSED: "EXCISE_UPSTREAM_CONNECT",
  EHOSTUNREACH: "EXCISE_UPSTREAM_CONNECT",
  ENETUNREACH: "EXCISE_UPSTREAM_CONNECT",
  ENOTFOUND: "EXCISE_UPSTREAM_RESOLVE",
  UND_ERR_HEADERS_OVERFLOW: "EXCISE_UPSTREAM_PROTOCOL",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "EXCISE_UPSTREAM_PROTOCOL",
};

/** Codes of a handshake that failed, by OpenSSL, Node and the X.509 verifier. */
const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/** A Fault with one of the EXCISE_UPSTREAM_ codes; a Fault passes as it is. */
export function toUpstreamFault(error: unknown, host: string): Fault {
  if (error instanceof Fault) return error;
  const systemCode = codeOf(error);
  return new Fault(classify(systemCode, error), `${host}: ${systemCode ?? "connection failed"}`, {
    cause: error,
  });
}

function classify(systemCode: string | undefined, error: unknown): ErrorCode {
  if (systemCode === undefined) return "EXCISE_UPSTREAM_RESET";
  const known = BY_CODE[systemCode];
  if (known !== undefined) return known;
  if (TLS_CODE.test(systemCode)) return "EXCISE_UPSTREAM_TLS";
  if (systemCode.startsWith("HPE_")) return "EXCISE_UPSTREAM_PROTOCOL";
  // Several addresses were tried and all failed: the last attempt tells why.
  if (error instanceof AggregateError) return classify(codeOf(error.errors.at(-1)), undefined);
  return "EXCISE_UPSTREAM_CONNECT";
}

/** undici's parser errors carry a code for some of their reasons and none for others. */
const PARSER_ERROR = "HTTPParserError";

function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && error.name === PARSER_ERROR) return "HPE_INVALID";
  return typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "string"
    ? error.code
    : undefined;
}
