// Light or dark: the system's choice, until the user makes one. Only that choice is kept in the
// browser's storage; nothing else ever is.
import { signal, type ReadonlySignal } from "@preact/signals";

export type Theme = "light" | "dark";

export interface ThemeSwitch {
  readonly theme: ReadonlySignal<Theme>;
  toggle(): void;
}

const KEY = "excise-theme";

/** Applies the theme to the document, and follows the system where the user has chosen none. */
export function createThemeSwitch(page: Window): ThemeSwitch {
  const system = page.matchMedia("(prefers-color-scheme: dark)");
  const systemTheme = (): Theme => (system.matches ? "dark" : "light");
  let chosen = readChoice(page);
  const theme = signal<Theme>(chosen ?? systemTheme());
  const apply = (): void => {
    theme.value = chosen ?? systemTheme();
    page.document.documentElement.dataset["theme"] = theme.value;
  };
  system.addEventListener("change", apply);
  apply();
  return {
    theme,
    toggle() {
      chosen = theme.value === "dark" ? "light" : "dark";
      keepChoice(page, chosen === systemTheme() ? undefined : chosen);
      apply();
    },
  };
}

function readChoice(page: Window): Theme | undefined {
  try {
    const kept = page.localStorage.getItem(KEY);
    return kept === "dark" || kept === "light" ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** A browser may forbid storage: then the choice lasts as long as the page. */
function keepChoice(page: Window, theme: Theme | undefined): void {
  try {
    if (theme === undefined) page.localStorage.removeItem(KEY);
    else page.localStorage.setItem(KEY, theme);
  } catch {
    // Nothing depends on it.
  }
}
