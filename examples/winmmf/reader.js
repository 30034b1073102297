import { setTimeout as sleep } from 'node:timers/promises';
import * as winmmf from '@mmfbus/core/winmmf';

let handle = winmmf.open(0, 'greeting', winmmf.ValidNamespaces.LOCAL);
while (handle === -4) {
  await sleep(10); // the writer has not made it yet
  handle = winmmf.open(0, 'greeting', winmmf.ValidNamespaces.LOCAL);
}
while (winmmf.read(handle, 1)[0] === 0) await sleep(10); // it is empty still

const [text] = Buffer.from(winmmf.read(handle)).toString().split('\0');
console.log(text);
winmmf.write(handle, Uint8Array.of(0));
winmmf.close(handle);
