import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 110;

/** A line of a chart. */
export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly isBad?: boolean;
}

interface ChartProps {
  readonly title: string;
  /** What it shows now, in words. */
  readonly now: string;
  /** What is said of it when the pointer rests on the title. */
  readonly hint: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** A number as the axis shows it. */
  readonly format: (value: number) => string;
  /** The least that the top of the axis is. */
  readonly least: number;
  /** Whether the axis counts in powers of two, as bytes do. Defaults to false. */
  readonly isBinary?: boolean;
}

const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** The colours of lines, as `style.css` names them. */
const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6'];

/** Numbers over time. */
export function Chart(props: ChartProps): VNode {
  const { title, now, hint, series } = props;
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = series.map(({ label, isBad }) => `${label}${isBad}`).join('\n');

  useEffect(() => {
    const { current } = place;
    if (current === null) return undefined;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(latest.current, current), dataOf(latest.current), current);
    };
    draw();
    scheme.addEventListener('change', draw);
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: current.clientWidth, height: HEIGHT });
    });
    observer.observe(current);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(dataOf(props)), [props.times, series]);

  return (
    <figure class="card chart" aria-label={`${title}: ${now}`}>
      <figcaption title={hint}>
        <span>{title}</span>
        <b>{now}</b>
      </figcaption>
      <div ref={place} class="plot" aria-hidden="true" />
      {series.length > 1 && (
        <ul class="keys">
          {series.map(({ label }, index) => (
            <li key={label} class={`key-${(index % COLOURS.length) + 1}`}>
              {label}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function optionsOf(
  { series, format, least, isBinary = false }: ChartProps,
  place: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--weak'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 26, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(least, high * 1.15)] } },
    axes: [
      { ...axis, size: 22, space: 90, values: (_plot, ticks) => ticks.map((tick) => timeOf(tick)) },
      {
        ...axis,
        size: 58,
        space: 30,
        values: (_plot, ticks) => ticks.map((tick) => format(tick)),
        ...(isBinary ? { incrs: POWERS_OF_TWO } : {}),
      },
    ],
    series: [
      {},
      ...series.map(({ label }, index) => {
        const line = colour(COLOURS[index % COLOURS.length] as string);
        return {
          label,
          stroke: line,
          width: 1.5,
          points: { show: false },
          ...(series.length === 1 ? { fill: colour('--area') } : {}),
        };
      }),
    ],
  };
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}
