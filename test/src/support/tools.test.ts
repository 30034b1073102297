import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** The module as it is where that compiler is named, without what the setup of the tests has told it. */
async function toolsWith(compiler: string): Promise<typeof import('./tools.js')> {
  vi.stubEnv('CC', compiler);
  vi.resetModules();
  return await import('./tools.js');
}

test('a tool that can be run is named by its command', async () => {
  const { commandOf } = await toolsWith(process.execPath);
  expect(commandOf('a C compiler')).toBe(process.execPath);
});

test('a tool that is missing is told with the way to get it, and is an error', async () => {
  const { commandOf, MissingTool, onMissingTool } = await toolsWith('/nowhere/cc');
  const told: string[] = [];
  onMissingTool(({ message }) => told.push(message));
  expect(() => commandOf('a C compiler')).toThrow(MissingTool);
  expect(told).toEqual([
    'a C compiler is missing (/nowhere/cc): ' +
      'install gcc, or name another compiler in the environment variable CC',
  ]);
});
