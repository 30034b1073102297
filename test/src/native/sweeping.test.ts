import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Agent } from '../conformance/agent.js';
import { type Language, languageOf } from '../conformance/agents.js';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';

const directory = ownDirectory('sweeping');
const PAGE = 4096;
/** Ports that the dead have left: no process has their FIFOs open. */
const DEAD = ['mmfbus~0123456789abcdef', 'mmfbus~00000000000000aa'];

/** A segment of another version of the format, which no process has open, as the bytes of its file. */
function segmentOfAnotherVersion(): Uint8Array {
  const bytes = Buffer.alloc(3 * PAGE);
  bytes.write('mmfbusch', 0, 'latin1');
  bytes.writeUInt32LE(2, 8);
  bytes.writeUInt32LE(4, 44);
  bytes.write('mmfbus\0\x01', 3 * PAGE - 64, 'latin1');
  bytes.writeBigUInt64LE(BigInt(2 * PAGE), 3 * PAGE - 56);
  return bytes;
}

test.each(['c', 'rust', 'python'])(
  'what else is in the directory does not stop sweeping, in %s',
  async (name) => {
    const foreign = ['a-socket', 'a-fifo', 'mmfbus~ffffffffffffffff.bell', 'mmfbus.0.another-version'];
    const [socket = '', ...rest] = foreign.map((file) => join(directory, file));
    const server = createServer().listen(socket);
    await once(server, 'listening');
    // A FIFO of no port, something that is no FIFO and has the name of a bell, a channel of the future.
    spawnSync('mkfifo', [rest[0] as string]);
    writeFileSync(rest[1] as string, 'no bell');
    writeFileSync(rest[2] as string, segmentOfAnotherVersion());
    for (const port of DEAD) {
      for (const part of ['bell', 'life']) spawnSync('mkfifo', [join(directory, `${port}.${part}`)]);
    }

    const agent = new Agent(languageOf(name) as Language, directory);
    await agent.ask(`publisher ${uniqueName('sweeping')} capacity=4096`);
    await agent.exit();
    expect(readdirSync(directory).sort()).toEqual(foreign.sort());
    server.close();
    for (const path of rest) rmSync(path);
  },
);
