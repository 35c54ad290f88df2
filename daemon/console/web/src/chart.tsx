// A trend as lines, with the interval of the one in focus as a band. uPlot draws; the table below
// each chart says the same to those who do not see it.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { SMALL, isCount, value } from "./format";
import type { Point } from "./types";

export interface Line {
  key: string;
  name: string;
  points: Point[];
  before?: Point[]; // the period before, point by point
}

export const COLOURS = 6;

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Local wall time as if it were UTC: the axis then shows the workspace's clock in any browser. */
function wall(time: string): number {
  return Date.parse(`${time.slice(0, 19)}Z`) / 1000;
}

const spanned = (ys: (number | null)[]) => ys.map((v) => (v === null || !Number.isFinite(v) ? null : v));

function dataOf(lines: Line[], focus: number, measure: string): uPlot.AlignedData {
  const first = lines[0]!;
  const known = (p: Point) => (isCount(measure) || p.n > 0 ? p.value : null);
  const band = lines[focus]!.points;
  const bounds = !isCount(measure);
  return [
    first.points.map((p) => wall(p.t)),
    ...lines.map((l) => spanned(l.points.map(known))),
    spanned((lines[focus]!.before ?? []).map(known).concat(Array(first.points.length).fill(null)).slice(0, first.points.length)),
    spanned(band.map((p) => (bounds && p.n > 0 ? p.high : null))),
    spanned(band.map((p) => (bounds && p.n > 0 ? p.low : null))),
  ] as uPlot.AlignedData;
}

/** Nought and all that is drawn, with some air: a net measure may lie below nought as a whole. */
export function reach(low: number | null, high: number | null): [number, number] {
  const bottom = Math.min(0, low ?? 0) * 1.06, top = Math.max(0, high ?? 1) * 1.06;
  return [bottom, top > bottom ? top : 1];
}

function optionsOf(lines: Line[], focus: number, measure: string, step: string, width: number,
  onPoint: (line: number, index: number) => void): uPlot.Options {
  const ink = css("--ink-2"), grid = css("--line");
  const colour = (i: number) => css(`--c${(i % COLOURS) + 1}`);
  const daily = step !== "hour";
  return {
    width,
    height: 300,
    tzDate: (ts) => new Date(ts * 1000 + new Date(ts * 1000).getTimezoneOffset() * 60000),
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 9 } },
    focus: { alpha: 1 },
    scales: { x: { time: true }, y: { range: (_u, low, high) => reach(low, high) } },
    axes: [
      {
        stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, space: 64,
        values: (_u, ticks) => ticks.map((ts) => {
          const iso = new Date(ts * 1000).toISOString();
          const day = `${+iso.slice(5, 7)}/${+iso.slice(8, 10)}`;
          return daily || iso.slice(11, 16) === "00:00" ? day : iso.slice(11, 16);
        }),
        incrs: daily ? [86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400] : [3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400],
      },
      { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, size: 64,
        values: (_u, ticks) => ticks.map((v) => value(measure, v).replace(/\.0%$/, "%")) },
    ],
    series: [
      {},
      ...lines.map((_l, i) => ({
        // The others stay in sight, but behind.
        stroke: i === focus ? colour(i) : `${colour(i)}55`, width: i === focus ? 2.5 : 1.25, spanGaps: true,
        points: {
          show: true, size: i === focus ? 7 : 4, fill: i === focus ? colour(i) : `${colour(i)}55`,
          // Points that stand on few answers are not drawn full: see the table for their n.
          filter: (_u: uPlot, _s: number, show: boolean) =>
            show ? lines[i]!.points.flatMap((p, at) => (isCount(measure) || p.n >= SMALL / 3 ? [at] : [])) : null,
        },
      })),
      { stroke: colour(focus), width: 1.5, dash: [5, 5], spanGaps: true, points: { show: false } },
      { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } },
    ],
    bands: [{ series: [lines.length + 2, lines.length + 3], fill: `${colour(focus)}22` }],
    hooks: {
      ready: [
        (u) => u.over.addEventListener("click", () => {
          const at = u.cursor.idx;
          if (at !== null && at !== undefined) onPoint(focus, at);
        }),
      ],
    },
  };
}

export function Chart({ lines, focus, measure, step, label, onPoint, onHover }: {
  lines: Line[];
  focus: number;
  measure: string;
  step: string;
  label: string;
  onPoint: (line: number, index: number) => void;
  onHover: (index: number | null) => void;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const theme = document.documentElement.dataset.theme ?? "";
  useEffect(() => {
    const host = box.current;
    if (!host || lines.length === 0 || lines[0]!.points.length === 0) return;
    const options = optionsOf(lines, focus, measure, step, host.clientWidth, onPoint);
    options.hooks!.setCursor = [(u) => onHover(u.cursor.idx ?? null)];
    const plot = new uPlot(options, dataOf(lines, focus, measure), host);
    const fit = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: 300 }));
    fit.observe(host);
    return () => {
      fit.disconnect();
      plot.destroy();
    };
  }, [lines, focus, measure, step, theme]);
  return <div ref={box} class="chart" role="img" aria-label={label} />;
}
