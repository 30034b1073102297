import { setTimeout as sleep } from 'node:timers/promises';
import * as winmmf from '@mmfbus/core/winmmf';

const handle = winmmf.new(64, 'greeting', winmmf.ValidNamespaces.LOCAL);
if (handle < 0) throw new Error(`the mapping could not be created: ${handle}`);
winmmf.write(handle, Buffer.from('hello from the writer'));

// Memory does not tell that it has changed: look again and again until the reader has answered.
while (winmmf.read(handle, 1)[0] !== 0) await sleep(10);
winmmf.close(handle);
