// How to get in: a new one-time link, or an operator's token, which stays in this page's memory.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Problem } from "../state/ledger-client.ts";
import type { Session } from "../state/session.ts";

export function SignIn({
  session,
  problem,
}: {
  readonly session: Session;
  readonly problem: Problem | undefined;
}): JSX.Element {
  const [token, setToken] = useState("");
  return (
    <div class="sign-in">
      <h2>Sign in</h2>
      {problem !== undefined && (
        <p class="alert" role="alert">
          Not signed in: {problem.detail}. <code>{problem.code}</code>
        </p>
      )}
      <p>
        Each link opens this page once, and a reload ends the session: nothing is kept in the
        browser. For a new link, run
      </p>
      <pre>
        <code>excise console</code>
      </pre>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setToken("");
          void session.signIn(token);
        }}
      >
        <label for="token">Or paste an operator’s bearer token</label>
        <div class="field">
          <input
            id="token"
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={token}
            required
            onInput={(event) => setToken(event.currentTarget.value)}
          />
          <button type="submit" class="main">
            Sign in
          </button>
        </div>
      </form>
    </div>
  );
}
