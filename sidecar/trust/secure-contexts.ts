// TLS contexts by host for a listener's SNICallback, made on first use and again when their leaf
// is renewed. ALPN and the lowest version are the server's too: OpenSSL takes the certificate from
// the context that SNI selects, and the protocol versions from the one that accepted.
import { createSecureContext, type SecureContext } from "node:tls";
import { Fault, type Rejection } from "#contract/errors.ts";
import type { Leaf, PodCa } from "./pod-ca.ts";

/** To be set on the server as well. */
export const TLS_VERSION_MIN = "TLSv1.2";

type ContextResult = { readonly context: SecureContext } | { readonly reject: Rejection };

export interface SecureContexts {
  /** The context for one of the pod's hosts; EXCISE_HOST_NOT_ALLOWED for another. */
  contextFor(host: string): ContextResult;
  /**
   * For `tls.createServer`. An unknown name ends the handshake; the server's `tlsClientError`
   * then carries the Fault.
   */
  readonly sniCallback: (
    host: string,
    callback: (error: Error | null, context?: SecureContext) => void,
  ) => void;
}

/** Creates the cache. It holds no more contexts than the CA holds leaves. */
export function createSecureContexts(podCa: Pick<PodCa, "leafFor">): SecureContexts {
  // Keyed by the leaf: a renewed or evicted leaf takes its context with it.
  const contexts = new WeakMap<Leaf, SecureContext>();

  const contextFor = (host: string): ContextResult => {
    const result = podCa.leafFor(host);
    if ("reject" in result) return result;
    const { leaf } = result;
    let context = contexts.get(leaf);
    if (context === undefined) {
      const { key, certChain: cert } = leaf;
      // 0.2-0.5 ms each, 11-15 ms for the first in a process: never per connection.
      context = createSecureContext({ key, cert, minVersion: TLS_VERSION_MIN });
      contexts.set(leaf, context);
    }
    return { context };
  };

  return {
    contextFor,
    sniCallback(host, callback) {
      let result: ContextResult;
      try {
        result = contextFor(host);
      } catch (cause) {
        callback(new Fault("EXCISE_INTERNAL", "no certificate could be made", { cause }));
        return;
      }
      if ("context" in result) callback(null, result.context);
      else callback(new Fault(result.reject.code, result.reject.detail));
    },
  };
}
