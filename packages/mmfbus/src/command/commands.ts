import type { Command } from './command.js';

/** How each command is loaded, in the order of `--help`: a process loads the one that it runs. */
export const commands: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  ls: () => import('./commands/ls.js'),
  info: () => import('./commands/info.js'),
  sub: () => import('./commands/sub.js'),
  pub: () => import('./commands/pub.js'),
  services: () => import('./commands/services.js'),
  call: () => import('./commands/call.js'),
  hz: () => import('./commands/hz.js'),
  bw: () => import('./commands/bw.js'),
  delay: () => import('./commands/delay.js'),
  schema: () => import('./commands/schema.js'),
  doctor: () => import('./commands/doctor.js'),
  bridge: () => import('./commands/bridge.js'),
  bench: () => import('./commands/bench.js'),
  cheat: () => import('./commands/cheat.js'),
  completion: () => import('./commands/completion.js'),
  top: () => import('./commands/top.js'),
  ui: () => import('./commands/ui.js'),
};

/** Loads all of them. */
export async function allCommands(): Promise<readonly Command[]> {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  return loaded.map(({ command }) => command);
}
