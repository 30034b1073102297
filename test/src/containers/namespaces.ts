import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/** What stands in for a container: a process tree with namespaces of its own. */
export interface Container {
  readonly title: string;
  /** Starts a command in a new one, whose first process it is; killing this kills everything in it. */
  readonly within: readonly string[];
  /** As `within`, with a first process that outlives the command. */
  readonly withInit: readonly string[];
}

const PID = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const USER = [...PID, '--user', '--map-root-user', '--mount'];
/** A volume at another path, and a /dev/shm that is not shared. */
const volume =
  'mount --bind "$MMFBUS_DIRECTORY" /mnt && export MMFBUS_DIRECTORY=/mnt && mount -t tmpfs none /dev/shm';

function container(title: string, namespaces: readonly string[], preparation: string): Container {
  const shell = (command: string) => [...namespaces, 'sh', '-c', `${preparation} && ${command}`, 'sh'];
  return { title, within: shell('exec "$@"'), withInit: shell('{ "$@"; exec sleep infinity; }') };
}

/** The kinds that are tested. */
export const containers: readonly Container[] = [
  container('PID namespaces', PID, 'true'),
  container('PID, user and mount namespaces that share a volume', USER, volume),
];

/** Whether this kernel lets this user make such a container. */
export function isPossible({ within }: Container): boolean {
  const [file = '', ...args] = within;
  // A folder that is there already, when tests are collected: that of the tests is not.
  const env = { ...process.env, MMFBUS_DIRECTORY: tmpdir() };
  return spawnSync(file, [...args, 'true'], { env }).status === 0;
}
