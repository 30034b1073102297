/** What a publisher or subscriber found out by the end. */
export interface Result {
  /** Messages published or received. */
  readonly count: number;
  /** Their checksum, hexadecimal. */
  readonly checksum: string;
  /** From the first message to the last. */
  readonly seconds: number;
  /** Nanoseconds from publishing to receiving; only of subscribers that received something. */
  readonly latency?: { readonly p50: number; readonly p99: number } | undefined;
  /** What went wrong, in a few words; undefined when nothing did. */
  readonly problem?: string | undefined;
}

/** What a program tells the launcher that started it: that it has joined the channel, and later its result. */
export type Report = { readonly kind: 'joined' } | { readonly kind: 'result'; readonly result: Result };

/** Whether a launcher started this process, and prints the results. */
export const isLaunched: boolean = process.send !== undefined;

/** Tells the launcher; without one it does nothing. */
export async function tellLauncher(report: Report): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => {
    // When it fails the launcher is gone, and the program hears of that anyway.
    process.send?.(report, undefined, undefined, () => resolve());
  });
}
