import type { Scale } from './scale.js';
import { dot, drawing, line, path, rectangle, seriesClass, text } from './svg.js';

/** One line of a chart. */
export interface Series {
  readonly name: string;
  /** One value a label of the axis; undefined where it was not measured. */
  readonly values: readonly (number | undefined)[];
}

/** A chart of lines over some labels at equal distances. */
export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly footer: string;
  readonly labels: readonly string[];
  /** What the labels are. */
  readonly axis: string;
  readonly series: readonly Series[];
  readonly scale: Scale;
  format(value: number): string;
}

const WIDTH = 760;
const LEFT = 90;
const RIGHT = 40;
const TOP = 100;
const HEIGHT = 260;
const LEGEND_STEP = 140;

/** Draws it. */
export function lineChart(chart: LineChart): string {
  const { title, subtitle, footer, labels, axis, series, scale, format } = chart;
  const bottom = TOP + HEIGHT;
  const x = (index: number) => LEFT + (index / (labels.length - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => bottom - scale.at(value) * HEIGHT;
  const grid = scale.ticks.flatMap((tick) => [
    line(LEFT, y(tick), WIDTH - RIGHT, y(tick), 'grid'),
    text(LEFT - 10, y(tick) + 4, format(tick), 'small end'),
  ]);
  const ticks = labels.map((label, index) => text(x(index), bottom + 18, label, 'small middle'));
  const lines = series.flatMap(({ values }, index) => {
    const points = values.flatMap((value, at) =>
      value === undefined ? [] : [[x(at), y(value)] as readonly [number, number]],
    );
    return [
      path(points, `line ${seriesClass('line', index)}`),
      ...points.map(([px, py]) => dot(px, py, seriesClass('fill', index))),
    ];
  });
  const legend = series.flatMap(({ name }, index) => [
    rectangle(LEFT + index * LEGEND_STEP, 64, 12, 12, seriesClass('fill', index)),
    text(LEFT + 18 + index * LEGEND_STEP, 75, name),
  ]);
  const texts = [
    text(16, 26, title, 'title'),
    text(16, 45, subtitle),
    text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, axis, 'middle'),
    text(16, bottom + 62, footer, 'small'),
  ];
  return drawing(WIDTH, bottom + 74, title, [...texts, ...legend, ...grid, ...ticks, ...lines]);
}
