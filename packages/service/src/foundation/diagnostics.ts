import { type Channel, channel } from 'node:diagnostics_channel';

/** What `mmfbus:call:start` tells: this process makes a call. */
export interface CallDiagnostics {
  readonly service: string;
  readonly method: string;
}

/** What `mmfbus:call:end` tells: a call of this process has its answer. */
export interface CallEndDiagnostics extends CallDiagnostics {
  /** Milliseconds since it was made. */
  readonly duration: number;
  /** Name and process id of the server that had it last; undefined where none had it. */
  readonly server: string | undefined;
  readonly pid: number | undefined;
}

/** What `mmfbus:call:error` tells: it failed. */
export interface CallErrorDiagnostics extends CallEndDiagnostics {
  readonly error: Error;
}

/** What `mmfbus:call:failover` tells: a call goes to another server, because that one is gone, drains, or does not take it. */
export interface CallFailoverDiagnostics extends CallDiagnostics {
  readonly server: string;
  readonly pid: number;
}

/** What `mmfbus:call:handled` tells: a server of this process has run a handler. */
export interface CallHandledDiagnostics extends CallDiagnostics {
  /** Milliseconds that the handler took. */
  readonly duration: number;
  readonly outcome: 'answered' | 'failed' | 'cancelled';
  /** Process id of the caller. */
  readonly caller: number;
}

/** Channels of `node:diagnostics_channel`, each with what it carries. Nothing is made for them while they have no subscribers. */
export const diagnostics: {
  readonly start: Channel<string, CallDiagnostics>;
  readonly end: Channel<string, CallEndDiagnostics>;
  readonly error: Channel<string, CallErrorDiagnostics>;
  readonly failover: Channel<string, CallFailoverDiagnostics>;
  readonly handled: Channel<string, CallHandledDiagnostics>;
} = {
  start: named('start'),
  end: named('end'),
  error: named('error'),
  failover: named('failover'),
  handled: named('handled'),
};

function named<M>(event: string): Channel<string, M> {
  // Node's types know only channels of anything.
  return channel(`mmfbus:call:${event}`) as unknown as Channel<string, M>;
}
