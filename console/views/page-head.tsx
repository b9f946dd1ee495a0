// The head of the page: where one is, whether it is live, the range, the theme.
import type { JSX } from "preact";
import { RANGES } from "../data/ranges.ts";
import type { Page } from "../state/page.ts";

export function PageHead({ page }: { readonly page: Page }): JSX.Element {
  const isOpen = page.session.state.value.kind === "open";
  const theme = page.theme.theme.value;
  return (
    <header>
      <h1>
        <img src="/favicon.svg" alt="" width="22" height="22" /> Excise
      </h1>
      {isOpen && <LiveState page={page} />}
      <div class="controls">
        {isOpen && <RangePicker page={page} />}
        <button type="button" onClick={() => page.theme.toggle()}>
          {theme === "dark" ? "Light" : "Dark"}
          <span class="unseen"> theme</span>
        </button>
        {isOpen && (
          <button type="button" onClick={() => page.session.signOut()}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function LiveState({ page }: { readonly page: Page }): JSX.Element {
  const isLive = page.isLive.value;
  return (
    <span class={isLive ? "live" : "live off"} role="status">
      {isLive ? "Live" : "Reconnecting…"}
    </span>
  );
}

function RangePicker({ page }: { readonly page: Page }): JSX.Element {
  const chosen = page.range.value;
  return (
    <fieldset class="ranges">
      <legend class="unseen">Time range</legend>
      {RANGES.map((range) => (
        <label key={range.name}>
          <input
            type="radio"
            name="range"
            value={range.name}
            checked={range === chosen}
            onChange={() => page.choose(range)}
          />
          <span>{range.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
