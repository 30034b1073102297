import { join } from 'node:path';
import { type Program, type StartOptions, startNode } from './spawn.js';
import { workspaceRoot } from './workspace.js';

/** A running `mmfbus ui`. */
export interface LivePage {
  readonly program: Program;
  /** The address with its one-time token. */
  readonly address: string;
  /** Where it is served, as `http://127.0.0.1:7000`. */
  readonly origin: string;
  readonly port: number;
  /** Another address. */
  newAddress(): Promise<string>;
  /** Ends it in good order. */
  close(): Promise<void>;
}

/** The command `mmfbus`. */
export const mmfbusCommand: string = join(workspaceRoot, 'packages', 'mmfbus', 'bin', 'mmfbus.js');

/** Starts `mmfbus ui`. */
export async function startLivePage(
  args: readonly string[] = [],
  options: Pick<StartOptions, 'outlivesTest' | 'watchdog'> = {},
): Promise<LivePage> {
  const program = startNode(mmfbusCommand, { args: ['ui', '--json', ...args], ...options });
  const nextAddress = async () => {
    const [line] = await program.waitForLine(/^\{.*\}$/);
    return (JSON.parse(line) as { address: string }).address;
  };
  const address = await nextAddress();
  const { origin, port } = new URL(address);
  return {
    program,
    address,
    origin,
    port: Number(port),
    newAddress: () => {
      program.send('');
      return nextAddress();
    },
    close: async () => {
      program.kill('SIGTERM');
      await program.exit();
    },
  };
}
