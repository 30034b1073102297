import { type Channel, channel } from 'node:diagnostics_channel';
import type { BridgeCloseInfo, BridgeGap, BridgeRefusal, BridgeTrouble } from './events.js';

/** What `mmfbus:bridge:connected` and `mmfbus:bridge:disconnected` tell. */
export interface ConnectionDiagnostics {
  /** Host and port of the server. */
  readonly server: string;
}

/** Channels of `node:diagnostics_channel`, each with what it carries. */
export const diagnostics: {
  readonly gap: Channel<string, BridgeGap>;
  readonly refused: Channel<string, BridgeRefusal>;
  readonly trouble: Channel<string, BridgeTrouble>;
  readonly connected: Channel<string, ConnectionDiagnostics>;
  readonly disconnected: Channel<string, ConnectionDiagnostics>;
  readonly close: Channel<string, BridgeCloseInfo>;
} = {
  gap: named('gap'),
  refused: named('refused'),
  trouble: named('trouble'),
  connected: named('connected'),
  disconnected: named('disconnected'),
  close: named('close'),
};

function named<M>(event: string): Channel<string, M> {
  // Node's types know only channels of anything.
  return channel(`mmfbus:bridge:${event}`) as unknown as Channel<string, M>;
}
