// Loaded before every test file: a test whose tools are missing is skipped, and the summary of the run says why.
import { TestRunner } from 'vitest';
import { onMissingTool } from './tools.js';

declare module 'vitest' {
  interface TaskMeta {
    /** The tool that is missing, and how to get it. */
    missingTool?: string;
  }
}

if (process.env['MMFBUS_REQUIRE_TOOLS'] === undefined) {
  onMissingTool(({ message }) => {
    const test = TestRunner.getCurrentTest();
    if (test === undefined) return;
    test.meta.missingTool = message;
    test.context.skip(message);
  });
}
