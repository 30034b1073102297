import { type Shape, string, struct, u32, u64 } from '@mmfbus/codec';

/** Eight fields, six of them strings: 292 bytes of msgpack. */
export interface LogRecord {
  id: number;
  ts: number;
  level: string;
  service: string;
  host: string;
  trace: string;
  span: string;
  message: string;
}

export const logRecordShape: Shape<LogRecord> = struct({
  id: u32(),
  ts: u64({ as: 'number' }),
  level: string(),
  service: string(),
  host: string(),
  trace: string(),
  span: string(),
  message: string(),
});

export function makeLogRecord(): LogRecord {
  return {
    id: 1,
    ts: 1_700_000_000_000,
    level: 'info',
    service: 'checkout-api',
    host: 'ip-10-0-12-34.eu-west-1',
    trace: '4bf92f3577b34da6a3ce929d0e0e4736',
    span: '00f067aa0ba902b7',
    message:
      'POST /v1/orders/8f14e45f-ceea-467f-a8f4-1e2c3b4d5e6f 201 in 37 ms, 3 items, customer 48213, warehouse east-2, currency EUR, total 129.90',
  };
}
