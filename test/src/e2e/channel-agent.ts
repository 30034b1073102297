import { join } from 'node:path';
import { type Program, type StartOptions, startCode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';

/**
 * Starts a process that has joined the channel, with `channel`, `publisher` or `subscriber`, and `say` (prints a line) in
 * its scope, and runs `body` there. Prints `joined` first.
 */
export async function startAgent(
  role: 'publisher' | 'subscriber',
  name: string,
  body: string,
  options: { readonly join?: string; readonly define?: string; readonly start?: StartOptions } = {},
): Promise<Program> {
  const code = `
    import { defineChannel } from '@mmfbus/channel';
    const say = (...words) => process.stdout.write(words.join(' ') + '\\n');
    const channel = defineChannel({ name: ${JSON.stringify(name)}, capacity: 4096, ${options.define ?? ''} });
    const ${role} = await channel.${role}({ ${options.join ?? ''} });
    say('joined');
    ${body}
  `;
  const program = startCode(code, { cwd: join(workspaceRoot, 'test'), ...options.start });
  await program.waitForLine(/^joined$/);
  return program;
}

/** Part of a body: the process exits when its standard input ends. */
export const exitAtEndOfInput: string = "process.stdin.on('end', () => process.exit()).resume();";

/** Body of a subscriber that says everything it hears. */
export const sayAll: string = `
  ${exitAtEndOfInput}
  subscriber.on('message', ({ value, sequence }) => say('message', sequence, JSON.stringify(value)));
  subscriber.on('gap', ({ from, to }) => say('gap', from, to));
  subscriber.on('publishersGone', ({ reason }) => say('gone', reason));
  subscriber.on('close', ({ reason }) => say('close', reason));
`;

/** Ends the program by that signal, and waits until it is gone. */
export async function killed(program: Program, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  program.kill(signal);
  await program.exit();
}

/** Has the program exit in good order, and waits for that. */
export async function ended(program: Program): Promise<void> {
  program.endInput();
  await program.success();
}
