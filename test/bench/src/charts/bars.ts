import type { Scale } from './scale.js';
import { drawing, line, rectangle, seriesClass, text } from './svg.js';

/** Some bars with a common label. */
export interface BarGroup {
  readonly label: string;
  /** One value a series; undefined where it was not measured. */
  readonly values: readonly (number | undefined)[];
  /** Whether it is ours. With one series, the others are grey. */
  readonly ours: boolean;
}

/** A chart of horizontal bars. */
export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly footer: string;
  /** Names of the series; a legend shows them when there are several. */
  readonly series: readonly string[];
  readonly groups: readonly BarGroup[];
  readonly scale: Scale;
  format(value: number): string;
}

const WIDTH = 760;
const LEFT = 190;
const RIGHT = 90;
const TOP = 66;
const LEGEND_HEIGHT = 24;
const BAR = 16;
const GAP = 12;

function legend(series: readonly string[]): string[] {
  if (series.length < 2) return [];
  return series.flatMap((name, index) => {
    const x = LEFT + index * 170;
    return [rectangle(x, TOP - 8, 12, 12, seriesClass('fill', index)), text(x + 18, TOP + 3, name)];
  });
}

interface PlacedBar {
  readonly value: number;
  readonly series: number;
  readonly y: number;
}

interface PlacedGroup {
  readonly label: string;
  readonly ours: boolean;
  readonly bars: readonly PlacedBar[];
  readonly middle: number;
}

/** Gives each bar its place; what was not measured takes none. */
function place(groups: readonly BarGroup[], top: number): { placed: PlacedGroup[]; bottom: number } {
  let y = top + GAP / 2;
  const placed = groups.map(({ label, ours, values }) => {
    const begin = y;
    const bars = values.flatMap((value, series) => {
      if (value === undefined) return [];
      y += BAR;
      return [{ value, series, y: y - BAR }];
    });
    const middle = (begin + y) / 2;
    y += GAP;
    return { label, ours, bars, middle };
  });
  return { placed, bottom: y - GAP / 2 };
}

/** Draws it. */
export function barChart({ title, subtitle, footer, series, groups, scale, format }: BarChart): string {
  const top = series.length < 2 ? TOP : TOP + LEGEND_HEIGHT;
  const { placed, bottom } = place(groups, top);
  const x = (value: number) => LEFT + scale.at(value) * (WIDTH - LEFT - RIGHT);
  const grid = scale.ticks.flatMap((tick) => [
    line(x(tick), top - 4, x(tick), bottom, 'grid'),
    text(x(tick), bottom + 16, format(tick), 'small middle'),
  ]);
  const drawn = placed.flatMap(({ label, ours, bars, middle }) => [
    text(LEFT - 10, middle + 3, label, 'end'),
    ...bars.flatMap((bar) => {
      const grey = series.length === 1 && !ours;
      const style = grey ? 'other' : seriesClass('fill', bar.series);
      const end = x(bar.value);
      return [
        rectangle(LEFT, bar.y, end - LEFT, BAR - 2, style),
        text(end + 6, bar.y + BAR - 5, format(bar.value), 'small'),
      ];
    }),
  ]);
  const heading = [text(16, 26, title, 'title'), text(16, 45, subtitle)];
  const foot = text(16, bottom + 38, footer, 'small');
  return drawing(WIDTH, bottom + 50, title, [...heading, ...legend(series), ...grid, ...drawn, foot]);
}
