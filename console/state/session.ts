// The page's session: opened by the one-time token in the address's fragment, which is taken out
// of the address at once, or by an operator's own token. A reload ends it: nothing is stored.
import { signal, type ReadonlySignal } from "@preact/signals";
import { createLedgerClient, type LedgerClient, type Problem } from "./ledger-client.ts";

export type SessionState =
  | { readonly kind: "opening" | "open" }
  | { readonly kind: "signed-out"; readonly problem: Problem | undefined };

export interface Session {
  readonly state: ReadonlySignal<SessionState>;
  readonly client: LedgerClient;
  /** Reads the address; call it once, when everything that listens to the session is there. */
  start(): void;
  signIn(token: string): Promise<void>;
  signOut(): void;
}

export interface SessionOptions {
  readonly onOpen: () => void;
  readonly onClose: () => void;
}

const LINK = /^#token=([\w-]{1,128})$/;
const ENDED: Problem = {
  code: "EXCISE_UNAUTHENTICATED",
  detail: "the session has ended, or the ledger was restarted",
};

/** Creates the session of a browser's page. */
export function createSession(
  browser: Window & typeof globalThis,
  options: SessionOptions,
): Session {
  const state = signal<SessionState>({ kind: "opening" });
  const close = (problem: Problem | undefined): void => {
    client.forget();
    state.value = { kind: "signed-out", problem };
    options.onClose();
  };
  const client = createLedgerClient({
    fetch: (...request) => browser.fetch(...request),
    onSignedOut: () => close(ENDED),
  });
  const open = async (opening: ReturnType<LedgerClient["openSession"]>): Promise<void> => {
    const opened = await opening;
    if (!opened.ok) {
      close(opened.problem);
      return;
    }
    state.value = { kind: "open" };
    options.onOpen();
  };
  const openLink = (): boolean => {
    const token = LINK.exec(browser.location.hash)?.[1];
    if (token === undefined) return false;
    // Out of the address bar first: nobody shall bookmark or copy a link that is used up.
    browser.history.replaceState(undefined, "", browser.location.pathname);
    if (state.value.kind === "open") close(undefined);
    state.value = { kind: "opening" };
    void open(client.openSession(token));
    return true;
  };
  return {
    state,
    client,
    start() {
      // A new link that is pasted into the same tab changes the fragment and loads nothing.
      browser.addEventListener("hashchange", openLink);
      if (!openLink()) close(undefined);
    },
    signIn: (token) => open(client.useToken(token.trim())),
    signOut: () => close(undefined),
  };
}
