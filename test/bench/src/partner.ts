import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What a partner is told. */
export interface Told {
  readonly role: string;
  /** The next line that it is told; undefined when there will be none. */
  line(): Promise<string | undefined>;
}

/** A process that is another side of a measurement; it is ready. */
export interface Partner {
  /** Its next line. */
  line(): Promise<string>;
  /** Tells it a line. */
  tell(line: string): void;
  /** Tells it that there will be no more, and waits for its end. */
  end(): Promise<void>;
}

const PARTNER = 'partner';

/** Runs this program once more, with the same job, as another side, until that says that it is ready. */
export async function startPartner(role = ''): Promise<Partner> {
  const [, program, job] = process.argv as [string, string, string];
  const args = [program, job, PARTNER, role];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the other side ended');
    return value;
  };
  await line();
  return {
    line,
    tell: (text) => void child.stdin.write(`${text}\n`),
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/**
 * What this process is told, where it is a partner; undefined where it is the one that measures. Its input is read from the first time on
 * that it asks.
 */
export function toldHere(): Told | undefined {
  const [, , , which, role = ''] = process.argv;
  if (which !== PARTNER) return undefined;
  let lines: AsyncIterator<string> | undefined;
  return {
    role,
    line: async () => {
      lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
      const { value, done } = await lines.next();
      return done === true ? undefined : value;
    },
  };
}

/** Says a line to the process that measures. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
