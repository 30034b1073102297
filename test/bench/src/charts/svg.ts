/** Colours of series, for a light and a dark ground; the first is ours. */
const PALETTE: readonly (readonly [string, string])[] = [
  ['#0969da', '#58a6ff'],
  ['#bc4c00', '#f0883e'],
  ['#1a7f37', '#56d364'],
  ['#8250df', '#bc8cff'],
  ['#9a6700', '#e3b341'],
  ['#bf3989', '#f778ba'],
];

const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

function rules(column: 0 | 1, ink: string, faint: string): string {
  const series = PALETTE.map(
    (colours, index) => `.fill${index}{fill:${colours[column]}}.line${index}{stroke:${colours[column]}}`,
  );
  return `text{fill:${ink}}.grid{stroke:${faint}}.other{fill:${faint}}${series.join('')}`;
}

const STYLE = `
text{font:13px ${FONT}}.title{font-size:16px;font-weight:600}.small{font-size:11px}.end{text-anchor:end}
.middle{text-anchor:middle}.grid{stroke-width:1}.line{fill:none;stroke-width:2}
${rules(0, '#1f2328', '#c4ccd5')}
@media (prefers-color-scheme:dark){${rules(1, '#e6edf3', '#4b5460')}}
`;

function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function coordinate(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** The class of the series with that number. */
export function seriesClass(kind: 'fill' | 'line', index: number): string {
  return `${kind}${index % PALETTE.length}`;
}

/** A line of text; `class` may be `title`, `small`, `end`, `middle`. */
export function text(x: number, y: number, content: string, style = ''): string {
  const attribute = style === '' ? '' : ` class="${style}"`;
  return `<text x="${coordinate(x)}" y="${coordinate(y)}"${attribute}>${escaped(content)}</text>`;
}

/** A filled rectangle. */
export function rectangle(x: number, y: number, width: number, height: number, style: string): string {
  const at = `x="${coordinate(x)}" y="${coordinate(y)}"`;
  return `<rect ${at} width="${coordinate(width)}" height="${coordinate(height)}" class="${style}"/>`;
}

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  const from = `x1="${coordinate(x1)}" y1="${coordinate(y1)}"`;
  return `<line ${from} x2="${coordinate(x2)}" y2="${coordinate(y2)}" class="${style}"/>`;
}

/** Straight lines from point to point. */
export function path(points: readonly (readonly [number, number])[], style: string): string {
  const list = points.map((point) => point.map(coordinate).join(','));
  return `<polyline points="${list.join(' ')}" class="${style}"/>`;
}

/** A dot. */
export function dot(x: number, y: number, style: string): string {
  return `<circle cx="${coordinate(x)}" cy="${coordinate(y)}" r="3.5" class="${style}"/>`;
}

/** A whole drawing. */
export function drawing(width: number, height: number, title: string, parts: readonly string[]): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
