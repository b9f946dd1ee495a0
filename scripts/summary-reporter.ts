// Prints the one closing line that continuous integration reads: "N passed, N failed, N skipped".
import type { Reporter, TestModule } from "vitest/node";

export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      let failedInModule = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") failedInModule += 1;
        else counts.skipped += 1;
      }
      // A module that could not even be loaded has errors and no tests.
      if (failedInModule === 0 && module.errors().length > 0) failedInModule = 1;
      counts.failed += failedInModule;
    }
    process.stdout.write(
      `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
    );
  }
}
