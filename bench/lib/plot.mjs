// Lines over time, as an SVG that reads well on light and dark pages.

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP] = [860, 170, 60, 20, 40, 56];
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444'];

/** `panels` is `[{ title, series: { name: [[x, y], …] } }]`, one above the other over the same x. */
export function lines(title, xTitle, panels) {
  const points = panels.flatMap(({ series }) => Object.values(series).flat());
  const mostX = Math.max(1e-9, ...points.map(([x]) => x));
  const height = TOP + panels.length * (HEIGHT + GAP);
  const x = (value) => LEFT + (value / mostX) * (WIDTH - LEFT - RIGHT);
  const drawn = panels.map((panel, index) => drawPanel(panel, TOP + index * (HEIGHT + GAP), x));
  const below = height - GAP + 34;
  const marks = ticks(mostX).map((tick) => text(x(tick), below - 16, tick, 'middle'));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#808080">`,
    `<title>${title}</title>`,
    text(LEFT, 20, title, 'start', 15),
    ...drawn,
    ...marks,
    text(WIDTH - RIGHT, below, xTitle, 'end'),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel({ title, series }, top, x) {
  const all = Object.values(series).flat();
  const marks = ticks(Math.max(1e-9, ...all.map(([, y]) => y)));
  const most = marks.at(-1);
  const y = (value) => top + HEIGHT - (value / most) * (HEIGHT - 24);
  const grid = marks.flatMap((tick) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#808080" stroke-opacity="0.25"/>`,
    text(LEFT - 8, y(tick) + 4, tick, 'end'),
  ]);
  const names = [title, ...Object.keys(series)];
  const legend = names.map((name, index) => {
    const at = LEFT + (index === 0 ? 0 : 120 + (index - 1) * 210);
    return text(at, top + 12, name, 'start', 12, index === 0 ? undefined : COLOURS[index - 1]);
  });
  const paths = Object.values(series).map((points, index) => {
    const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ');
    return `<polyline fill="none" stroke="${COLOURS[index]}" stroke-width="1.6" points="${path}"/>`;
  });
  return [...grid, ...legend, ...paths].join('\n');
}

/** Round numbers from 0 to at least `most`. */
function ticks(most) {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const count = Math.ceil(most / step);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

function text(x, y, content, anchor, size = 12, fill) {
  const colour = fill ? ` fill="${fill}"` : '';
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}"${colour}>${content}</text>`;
}
