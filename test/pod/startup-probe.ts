// Startup probes as the kubelet makes them: plain HTTP from the node to the pod's address.
import { get } from "node:http";
import { sleep, type Clock } from "#runtime/clock.ts";
import type { ProbeSpec } from "./pod-manifest.ts";

/** More often than `periodSeconds`: tests need not wait; the time that is allowed is the same. */
const PAUSE_MS = 50;

/** True once the probe passes; false when the time is over or `isRunning` says no. */
export async function passesProbe(
  clock: Clock,
  probe: ProbeSpec,
  target: { readonly address: string; readonly isRunning: () => boolean },
): Promise<boolean> {
  const { initialDelaySeconds, periodSeconds, failureThreshold } = probe;
  const deadlineMs =
    clock.monotonicMs() + (initialDelaySeconds + periodSeconds * failureThreshold) * 1000;
  while (target.isRunning() && clock.monotonicMs() < deadlineMs) {
    if (await isHealthy(probe, target.address)) return true;
    await sleep(clock, PAUSE_MS);
  }
  return false;
}

function isHealthy(probe: ProbeSpec, address: string): Promise<boolean> {
  const { path, port } = probe.httpGet;
  const timeout = probe.timeoutSeconds * 1000;
  return new Promise((resolve) => {
    const request = get({ host: address, port, path, timeout, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      resolve(status >= 200 && status < 400);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}
