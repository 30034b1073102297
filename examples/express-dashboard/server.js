import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { loads } from './channel.js';

const app = express();
app.use(express.static('public'));
const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`look at http://localhost:${server.address().port}`);
});
const pages = new WebSocketServer({ server });

// Lossy: a server that is busy must not hold the feed back.
const subscriber = await loads.subscriber({ delivery: 'lossy' });
subscriber.on('message', ({ value }) => {
  const text = JSON.stringify(value);
  for (const page of pages.clients) if (page.readyState === WebSocket.OPEN) page.send(text);
});

process.once('SIGINT', async () => {
  for (const page of pages.clients) page.terminate();
  server.close();
  await subscriber.close();
});
