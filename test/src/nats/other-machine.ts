import { execFileSync } from 'node:child_process';

/** Another machine, as far as the network is concerned: a network namespace with a link to this one. */
export interface OtherMachine {
  /** Of this machine, on that link. */
  readonly address: string;
  /** A command, with its arguments, within which processes run there. */
  readonly within: readonly string[];
  /** Cuts the link, or has it there again. */
  link(state: 'up' | 'down'): void;
  /**
   * Has packets from there take longer, come in another order and get lost; or no more.
   *
   * @returns false where the kernel cannot do that.
   */
  disturb(on: boolean): boolean;
  /** Removes it. */
  remove(): void;
}

const run = (...words: string[]) =>
  void execFileSync(words[0] as string, words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });

/**
 * Makes one. This takes the superuser of Linux, and `ip`.
 *
 * @param number from 0 to 15, another one for each machine of this process.
 * @throws what `ip` says.
 */
export function otherMachine(number: number): OtherMachine {
  const own = `${process.pid}-${number}`;
  const name = `mmfbus-test-${own}`;
  const [near, far] = [`mn${own}`, `mf${own}`];
  const network = `169.254.${process.pid % 256}`;
  const [here, there] = [`${network}.${4 * number + 1}`, `${network}.${4 * number + 2}`];
  const ip = (...words: string[]) => run('ip', ...words);
  ip('netns', 'add', name);
  // The pair of links goes with it.
  const remove = () => ip('netns', 'del', name);
  try {
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
    ip('addr', 'add', `${here}/30`, 'dev', near);
    ip('link', 'set', near, 'up');
    ip('-n', name, 'addr', 'add', `${there}/30`, 'dev', far);
    ip('-n', name, 'link', 'set', far, 'up');
  } catch (error) {
    remove();
    throw error;
  }
  const within = ['ip', 'netns', 'exec', name];
  return {
    address: here,
    within,
    link: (state) => ip('-n', name, 'link', 'set', far, state),
    disturb: (on) => {
      const rule = on ? ['netem', 'delay', '20ms', '15ms', 'loss', '3%'] : [];
      try {
        run(...within, 'tc', 'qdisc', on ? 'add' : 'del', 'dev', far, 'root', ...rule);
        return true;
      } catch {
        return false;
      }
    },
    remove,
  };
}
