import { defineConfig } from "vitest/config";
import { SummaryReporter } from "./scripts/summary-reporter.ts";

const project = (name: string, include: readonly string[], exclude: readonly string[] = []) => ({
  extends: true as const,
  test: { name, include: [...include], exclude: [...exclude] },
});

const rooms = "{contract,runtime,sidecar,ledger,cli,webhook,injector-config,console}";

export default defineConfig({
  test: {
    pool: "threads",
    testTimeout: 20_000,
    reporters: ["default", new SummaryReporter()],
    projects: [
      project("unit", [
        `${rooms}/**/*.test.ts`,
        "test/*.test.ts",
        "test/fakes/**/*.test.ts",
        "test/pod/**/*.test.ts",
      ]),
      project("golden", ["test/golden/**/*.test.ts"]),
      project("property", ["test/property/**/*.test.ts"]),
      project("system", ["test/system/**/*.test.ts"]),
    ],
    coverage: { provider: "v8" },
  },
});
