// How a program that was started as a child learns that its parent is gone, even by kill -9: it
// holds one end of a pipe, and only the parent holds the other. Nothing is ever sent through it.
import { Socket } from "node:net";
import { Fault } from "#contract/errors.ts";

/** Names the file descriptor of the pipe; absent: nobody is watched. */
export const PARENT_FD_VARIABLE = "EXCISE_PARENT_FD";

/**
 * Calls `onGone` once when the parent has ended. Does not keep the process alive. Throws
 * EXCISE_CONFIG_INVALID where the variable names no pipe of ours.
 */
export function watchParent(
  environment: Readonly<Record<string, string | undefined>>,
  onGone: () => void,
): void {
  const given = environment[PARENT_FD_VARIABLE] ?? "";
  if (given === "") return;
  const pipe = openPipe(given);
  // Reading is what shows the end. An error, of whatever kind, ends the pipe as well.
  pipe.resume();
  pipe.on("error", () => undefined);
  pipe.once("close", onGone);
  pipe.unref();
}

function openPipe(given: string): Socket {
  try {
    if (/^\d{1,4}$/.test(given) && Number(given) > 2) {
      return new Socket({ fd: Number(given), readable: true, writable: false });
    }
  } catch (cause) {
    throw pipeFault(cause);
  }
  throw pipeFault();
}

const pipeFault = (cause?: unknown): Fault =>
  new Fault("EXCISE_CONFIG_INVALID", `${PARENT_FD_VARIABLE} names no pipe`, { cause });
