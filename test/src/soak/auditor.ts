// The process of the soak that sees everything, is never killed, and judges those that have ended.
import { subscribe } from 'node:diagnostics_channel';
import { readdirSync } from 'node:fs';
import { defineChannel } from '@mmfbus/channel';
import { AuditedChannel } from './audited-channel.js';
import type { ChannelPlan } from './channel-plan.js';
import type { Findings } from './judge-subscriber.js';
import { type LedgerContents, readLedger, removeLedger } from './ledger.js';
import {
  type Assignment,
  type AuditorOrder,
  type AuditorReport,
  ledgerPath,
  type Verdict,
} from './protocol.js';
import { Witnesses } from './witnesses.js';

const KiB = 1024;

/** Milliseconds between two reports of its counts. */
const COUNTS_EVERY = 500;

const audited = new Map<number, AuditedChannel>();
const witnesses = new Map<number, Witnesses>();
const recovered = { slot: 0, lock: 0 };

function tell(report: AuditorReport): void {
  if (process.connected) process.send?.(report);
}

function tellProblem(text: string): void {
  tell({ report: 'problem', text });
}

subscribe('mmfbus:recovered', (event) => {
  recovered[(event as { readonly what: 'slot' | 'lock' }).what]++;
});

async function watch(channels: readonly ChannelPlan[]): Promise<void> {
  for (const plan of channels) {
    if (plan.audited) audited.set(plan.index, await AuditedChannel.open(plan, tellProblem));
    else witnesses.set(plan.index, new Witnesses());
  }
}

function findingsOf({ role, after }: Assignment, ledger: LedgerContents): Findings {
  const channel = audited.get(role.channel.index);
  const others = witnesses.get(role.channel.index);
  if (role.kind === 'subscriber') {
    const ended = { role, after: after?.sequence, ledger };
    const findings = channel?.judgeSubscriber(ended) ?? others?.addSubscriber(ended);
    if (findings !== undefined) return findings;
  }
  const problems = role.kind === 'publisher' ? channel?.judgePublisher(role, ledger) : undefined;
  others?.addPublisher(role.id, ledger);
  return { problems: problems ?? [], received: 0, missed: 0, before: 0, last: 0 };
}

function judge(ended: Assignment): Verdict {
  const { id, channel } = ended.role;
  const path = ledgerPath(id);
  const ledger = readLedger(path);
  const findings = ledger === undefined ? undefined : findingsOf(ended, ledger);
  audited.get(channel.index)?.dismiss(id);
  removeLedger(path);
  return {
    role: id,
    problems: findings?.problems ?? [],
    received: findings?.received ?? 0,
    missed: findings?.missed ?? 0,
    before: findings?.before ?? 0,
    last: { incarnation: ledger?.incarnation ?? '', sequence: findings?.last ?? 0 },
    published: ledger?.done ?? 0,
    slots: ledger?.recovered.slots ?? 0,
    locks: ledger?.recovered.locks ?? 0,
  };
}

function judgeAll(ended: readonly Assignment[]): Verdict[] {
  const channels = new Set(ended.map(({ role }) => role.channel.index));
  for (const index of channels) audited.get(index)?.catchUp();
  return ended.map(judge);
}

/**
 * Judges what every process saw in a channel that has no participant any more; what comes next is another channel of that name.
 */
function judgeEmpty(index: number): string[] {
  const problems = witnesses.get(index)?.problems() ?? [];
  witnesses.set(index, new Witnesses());
  return problems;
}

/** Leaves the channels, and looks for what is left of all of them. */
async function finish(): Promise<string[]> {
  const problems = [...witnesses.keys()].flatMap(judgeEmpty);
  for (const channel of audited.values()) await channel.close();
  // A process that creates something sweeps away what the dead left.
  const broom = await defineChannel({
    name: `mmfbus-soak-${process.pid}-broom`,
    capacity: 4 * KiB,
  }).publisher();
  await broom.close();
  const directory = process.env['MMFBUS_DIRECTORY'];
  const left = directory === undefined ? [] : readdirSync(directory);
  return [...problems, ...left.map((name) => `${name} was left behind`)];
}

function counts(): AuditorReport {
  let received = 0;
  for (const channel of audited.values()) received += channel.received;
  return { report: 'counts', counts: { received, slots: recovered.slot, locks: recovered.lock } };
}

async function obey(order: AuditorOrder): Promise<AuditorReport> {
  let verdicts: Verdict[] = [];
  let problems: string[] = [];
  if (order.order === 'watch') await watch(order.channels);
  else if (order.order === 'admit') {
    for (const { role } of order.assignments) audited.get(role.channel.index)?.admit(role.id);
  } else if (order.order === 'judge') verdicts = judgeAll(order.ended);
  else if (order.order === 'empty') problems = judgeEmpty(order.channel);
  else problems = await finish();
  return { report: 'answer', number: order.number, verdicts, problems };
}

process.on('message', (order: AuditorOrder) => {
  obey(order)
    .catch((error: unknown) => {
      tellProblem(`the auditor failed: ${error instanceof Error ? error.stack : error}`);
      return { report: 'answer' as const, number: order.number, verdicts: [], problems: [] };
    })
    .then((answer) => {
      tell(counts());
      tell(answer);
      if (order.order === 'finish') process.disconnect();
    })
    .catch(() => {});
});
const timer = setInterval(() => tell(counts()), COUNTS_EVERY);
timer.unref();
// The process that gives the orders is gone, or has heard all.
process.once('disconnect', () => process.exit());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
