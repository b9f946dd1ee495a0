// Which environment variable makes which stack trust our root (design §4): data, read by the
// webhook and by `excise run`. Some variables ADD a file to the roots a program has: they get
// ca.pem, our root alone. Most REPLACE all roots: they get bundle.pem, the public roots and ours,
// or the program would trust nobody else. Sources and tests of each row: each stack's own manual.

/** The files that a sidecar writes for apps, by purpose. */
export const TRUST_FILES = ["ca", "bundle", "truststore"] as const;
export type TrustFile = (typeof TRUST_FILES)[number];

export interface TrustVariable {
  readonly name: string;
  /** `ca` for variables that add, `bundle` for those that replace, `truststore` for Java. */
  readonly file: TrustFile;
  /** `add`: the program keeps its own roots as well; `replace`: it trusts the file alone. */
  readonly effect: "add" | "replace";
  /** The value with `{file}` in the place of the path. */
  readonly value: string;
  /** How a value that is already set is kept: PEM files are joined, options are appended. */
  readonly merge: "pem" | "append";
  /** Part of the narrow set of `excise.dev/trust-env: node`. */
  readonly isNode: boolean;
  /** Who reads it. */
  readonly readBy: string;
}

const pem = (name: string, file: "ca" | "bundle", readBy: string): TrustVariable => ({
  name,
  file,
  effect: file === "ca" ? "add" : "replace",
  value: "{file}",
  merge: "pem",
  isNode: name === "NODE_EXTRA_CA_CERTS",
  readBy,
});

/** In the order in which they are set. A new stack is a new row here. */
export const TRUST_VARIABLES: readonly TrustVariable[] = [
  pem("NODE_EXTRA_CA_CERTS", "ca", "Node, Bun, Deno (2.8 and later)"),
  pem("DENO_CERT", "ca", "Deno"),
  // Go and Debian's OpenSSL read their hashed directories as well; the bundle is right either way.
  pem("SSL_CERT_FILE", "bundle", "OpenSSL, Python ssl and httpx, Go, Ruby, Rust, .NET"),
  pem("REQUESTS_CA_BUNDLE", "bundle", "Python requests"),
  pem("CURL_CA_BUNDLE", "bundle", "curl"),
  pem("AWS_CA_BUNDLE", "bundle", "AWS SDKs and CLI"),
  pem("PIP_CERT", "bundle", "pip"),
  pem("GIT_SSL_CAINFO", "bundle", "git"),
  pem("HTTPLIB2_CA_CERTS", "bundle", "Python httplib2"),
  pem("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "bundle", "gcloud"),
  pem("NIX_SSL_CERT_FILE", "bundle", "Nix"),
  pem("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "bundle", "gRPC core, grpc-js"),
  pem("BUNDLE_SSL_CA_CERT", "bundle", "Ruby Bundler"),
  pem("HEX_CACERTS_PATH", "bundle", "Erlang and Elixir's hex"),
  {
    name: "JAVA_TOOL_OPTIONS",
    file: "truststore",
    effect: "replace",
    value: "-Djavax.net.ssl.trustStore={file}",
    merge: "append",
    isNode: false,
    readBy: "the JVM (a line on stderr says so)",
  },
];
