import { subscribe } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

// In a program of yours this is an OTLP exporter.
const exporter = {
  export(spans, done) {
    for (const { name, status, attributes } of spans) {
      console.log(
        `${name} ${SpanStatusCode[status.code]} ${attributes['server.name'] ?? ''} ${status.message ?? ''}`.trim(),
      );
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('mmfbus');

function record({ service, method, duration, server, pid, error }) {
  const now = Date.now();
  const span = tracer.startSpan(`${service}.${method}`, {
    kind: SpanKind.CLIENT,
    startTime: now - duration,
    attributes: {
      'rpc.system': 'mmfbus',
      'rpc.service': service,
      'rpc.method': method,
      'server.name': server,
      'server.pid': pid,
    },
  });
  if (error !== undefined) span.recordException(error);
  span.setStatus(
    error === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error.code },
  );
  span.end(now);
}

subscribe('mmfbus:call:end', record);
subscribe('mmfbus:call:error', record);
