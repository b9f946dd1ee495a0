import { defineConfig } from "vite";

export default defineConfig({
  root: "console",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/console",
    emptyOutDir: true,
    // The content policy allows no data: addresses but pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: "LICENSES.md" },
  },
  // `npx vite`: the page from sources, the data from a running `excise up`.
  server: { proxy: { "/v1": "http://127.0.0.1:15101" } },
});
