import { type Program, type StartOptions, startNode } from '../support/spawn.js';
import { COMMAND } from './command-support.js';

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

/** Starts `mmfbus ui`. */
export async function startLivePage(
  args: readonly string[] = [],
  options: Pick<StartOptions, 'outlivesTest' | 'watchdog'> = {},
): Promise<LivePage> {
  const program = startNode(COMMAND, { args: ['ui', '--json', ...args], ...options });
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
