// The link to another machine, which is a network namespace here, is cut while messages go both ways by JetStream: they arrive once the
// link is there again, each once.
import { join } from 'node:path';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { commandOf } from '../../support/tools.js';
import { Host } from '../hosts.js';
import { NatsServer } from '../nats-server.js';
import { otherMachine } from '../other-machine.js';

const schema = canonicalText(struct({ from: string(), number: u32() }));
const here = temporaryFolder('nats-here');
const there = temporaryFolder('nats-there');
const folder = temporaryFolder('nats-folders');

describe('a link that is cut', () => {
  it('loses nothing, and repeats nothing', { timeout: 300_000 }, async () => {
    commandOf('network namespaces');
    const machine = otherMachine(0);
    onTestFinished(() => machine.remove());
    const server = await NatsServer.start({ folder, address: machine.address });
    const manager = await jetstreamManager(await server.connect());
    await manager.streams.add({ name: 'DESK', subjects: ['desk.>'] });
    const start = (name: string, other: string, directory: string, within: readonly string[]) =>
      Host.start({
        url: server.url,
        directory,
        schema,
        within,
        routes: [
          { export: name, to: `desk.${name}`, stream: 'DESK' },
          { import: `desk.${other}`, into: other, stream: 'DESK' },
        ],
        options: { host: name, folder: join(folder, name) },
        publish: name,
        subscribe: other,
      });
    const east = await start('east', 'west', here, []);
    const west = await start('west', 'east', there, machine.within);
    let published = 0;
    const publish = (count: number) => {
      for (const host of [east, west]) host.publish(count);
      published += count;
    };
    let seen = 0;
    const see = async () => {
      for (; seen < published; seen++) {
        expect(await west.message()).toEqual({ from: 'east', number: seen + 1 });
        expect(await east.message()).toEqual({ from: 'west', number: seen + 1 });
      }
    };
    for (let cut = 1; cut <= 2; cut++) {
      publish(500);
      await see();
      machine.link('down');
      publish(500);
      // Both of its bridges find out: what they publish is not acknowledged, and the stream's heart is not heard.
      const troubles = new Set<unknown>();
      while (troubles.size < 2) troubles.add((await west.event('trouble'))['direction']);
      machine.link('up');
      await see();
    }
    for (const host of [east, west]) {
      expect(await host.passages()).toMatchObject([
        { messages: published, missed: 0, refused: 0 },
        { messages: published, missed: 0, refused: 0 },
      ]);
      await host.close();
    }
  });
});
