import { monotonicNow } from '@mmfbus/channel';

/** When a message was published, by its timestamp; undefined where its publisher does not say. */
export function publishedAt(timestamp: number): Date | undefined {
  return timestamp === 0 ? undefined : new Date(Date.now() - (monotonicNow() - timestamp) / 1e6);
}

/** The time of day of this place, with milliseconds. */
export function timeOfDay(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
