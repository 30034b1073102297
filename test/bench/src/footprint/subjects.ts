/** A package whose cost is measured. */
export interface Subject {
  readonly name: string;
  /** What `npm install` gets: names with versions, or tarballs. Nothing for bare Node. */
  readonly install: readonly string[];
  /** ES module code that imports it. */
  readonly imports: string;
  /** ES module code that uses it in the way that is idle afterwards; runs after {@link Subject.imports}. */
  readonly idles: string;
}

/**
 * The packages that are measured.
 *
 * @param tarballs the packed packages of this workspace.
 * @param natsPort port of a NATS server on this machine; undefined where there is none.
 */
export function subjects(tarballs: readonly string[], natsPort: number | undefined): Subject[] {
  return [
    { name: 'bare Node', install: [], imports: '', idles: '' },
    {
      name: 'mmfbus',
      install: tarballs,
      imports: `import { defineChannel, f64, string, struct } from 'mmfbus';`,
      idles: `
        const schema = struct({ symbol: string(), price: f64() });
        const channel = defineChannel({ name: 'footprint-' + process.pid, schema });
        const subscriber = await channel.subscriber();
        subscriber.on('message', () => {});`,
    },
    {
      name: 'msgpackr',
      install: ['msgpackr'],
      imports: `import { Packr } from 'msgpackr';`,
      idles: `const packr = new Packr(); packr.unpack(packr.pack({ symbol: 'AAPL', price: 187.25 }));`,
    },
    {
      name: 'zeromq',
      install: ['zeromq'],
      imports: `import { Subscriber } from 'zeromq';`,
      idles: `
        const subscriber = new Subscriber();
        await subscriber.bind('ipc://' + process.env.FOOTPRINT_FOLDER + '/footprint.sock');
        subscriber.subscribe('');
        subscriber.receive();`,
    },
    {
      name: '@nats-io/transport-node',
      install: ['@nats-io/transport-node'],
      imports: `import { connect } from '@nats-io/transport-node';`,
      idles:
        natsPort === undefined
          ? ''
          : `
        const connection = await connect({ port: ${natsPort} });
        connection.subscribe('prices', { callback: () => {} });
        await connection.flush();`,
    },
  ];
}
