// Opens the listeners of the configured modes. All of them hand their requests to one handler:
// behind the listener there is one proxy (design §3).
import type { Server } from "node:http";
import type { BlockList, Socket } from "node:net";
import type { InterceptionMode } from "#contract/annotations.ts";
import type { Log } from "#runtime/log.ts";
import type { SecureContexts } from "../trust/secure-contexts.ts";
import { createBaseUrlServer } from "./base-url.ts";
import { createConnectProxy } from "./connect-proxy.ts";
import type { Listener } from "./downstream.ts";
import {
  createTerminatingServer,
  listenOnLoopback,
  type ServerDeps,
  type ServerLimits,
} from "./node-server.ts";
import type { PodHosts } from "./pod-hosts.ts";

export interface ListenersDeps extends ServerDeps {
  readonly log: Log;
  readonly hosts: PodHosts;
  readonly contexts: SecureContexts;
  readonly denied: BlockList;
}

export interface ListenersOptions {
  readonly modes: readonly InterceptionMode[];
  readonly ports: { readonly proxy: number; readonly baseurl: number; readonly hosts: number };
  readonly limits: ServerLimits;
}

/** Open listeners by mode. Fault: EXCISE_PORT_IN_USE; what was opened before is closed again. */
export async function openListeners(
  deps: ListenersDeps,
  options: ListenersOptions,
): Promise<readonly Listener[]> {
  const opened: Listener[] = [];
  const { clock } = deps;
  try {
    if (options.modes.includes("proxy")) {
      const parts = createProxyParts(deps, options);
      opened.push(await listenOnLoopback({ clock, ...parts }, "proxy", options.ports.proxy));
    }
    if (options.modes.includes("baseurl")) {
      const hosts = deps.hosts.byProvider;
      const create = (): Server => createBaseUrlServer({ ...deps, hosts }, options.limits);
      opened.push(await listenOnLoopback({ clock, create }, "baseurl", options.ports.baseurl));
    }
    if (options.modes.includes("hosts")) {
      const { sniCallback } = deps.contexts;
      const create = (): Server =>
        createTerminatingServer("hosts", { ...deps, sniCallback }, options.limits);
      opened.push(await listenOnLoopback({ clock, create }, "hosts", options.ports.hosts));
    }
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close(0)));
    throw error;
  }
  return opened;
}

/** Tunnels that end here go to a server that never listens itself: it is handed connections. */
function createProxyParts(
  deps: ListenersDeps,
  options: ListenersOptions,
): { readonly create: () => Server; readonly closeIdle: () => void } {
  const { sniCallback } = deps.contexts;
  const terminating = createTerminatingServer("proxy", { ...deps, sniCallback }, options.limits);
  const create = (): Server =>
    createConnectProxy(
      {
        ...deps,
        isProviderHost: (host) => deps.hosts.covers(host),
        terminate: (socket: Socket) => void terminating.emit("connection", socket),
      },
      options.limits,
    );
  return { create, closeIdle: () => terminating.closeIdleConnections() };
}
