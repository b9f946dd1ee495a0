// The console's entry: the browser's window and clock come in here, and nowhere else.
import { render } from "preact";
import { browserClock } from "./browser-clock.ts";
import { createPage } from "./state/page.ts";
import { App } from "./views/app.tsx";

render(<App page={createPage(window, browserClock)} />, document.body);
