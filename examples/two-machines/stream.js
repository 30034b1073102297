// Creates the stream: it is the operator's, and bridges only use it. Where it is there already, nothing happens.
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const connection = await connect({ servers: process.argv[2], waitOnFirstConnect: true });
const manager = await jetstreamManager(connection);
await manager.streams.add({ name: 'TRADE', subjects: ['trade.>'] });
console.log('the stream TRADE is there');
await connection.close();
