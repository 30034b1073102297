import { join } from 'node:path';
import { app, BrowserWindow } from 'electron';
import { prices } from './channel.js';

async function show() {
  const preload = join(import.meta.dirname, 'preload.cjs');
  const window = new BrowserWindow({ width: 300, height: 150, webPreferences: { preload } });
  await window.loadFile('index.html');

  const subscriber = await prices.subscriber({ delivery: 'lossy' });
  subscriber.on('message', ({ value }) => {
    if (!window.isDestroyed()) window.webContents.send('price', value);
  });
  app.on('window-all-closed', async () => {
    await subscriber.close();
    app.quit();
  });
}

app.whenReady().then(show);
