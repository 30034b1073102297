/** Where a subscription begins; see `SubscriberOptions.start`. */
export type Start = 'latest' | 'earliest' | 'history' | { readonly after: number };

/** Number of the first message that is wanted. */
export function firstWanted(start: Start, next: number, history: number): number {
  if (typeof start === 'object') return start.after + 1;
  if (start === 'latest') return next;
  return start === 'earliest' ? 0 : Math.max(0, next - history);
}
