// The package has no types where its own documentation has Node import this from.
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { MessagePort, Worker } from 'node:worker_threads';
  import type { Endpoint } from 'comlink';

  // biome-ignore lint/style/noDefaultExport: it is what that file exports.
  export default function nodeEndpoint(port: MessagePort | Worker): Endpoint;
}
