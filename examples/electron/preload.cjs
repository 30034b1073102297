const { contextBridge, ipcRenderer } = require('electron');

contextBridge.exposeInMainWorld('prices', {
  onPrice: (listener) => ipcRenderer.on('price', (_event, value) => listener(value)),
});
