// A small line without axes; the figures it is made of are in its text for those who cannot see it.
import type { JSX } from "preact";
import { clock, interval, isCount, isNet, value } from "./format";
import { t } from "./i18n";
import type { Figure, Point } from "./types";

export function Spark({ points, measure }: { points: Point[]; measure: string }): JSX.Element {
  const known = points.map((p, i) => ({ x: i, y: p.value, n: p.n })).filter((p) => p.y !== null && (isCount(measure) || p.n > 0));
  const ys = known.map((p) => p.y as number);
  const low = Math.min(0, ...ys), high = Math.max(...ys, low + 1e-9);
  const x = (i: number) => (points.length > 1 ? (100 * i) / (points.length - 1) : 50);
  const y = (v: number) => 26 - (24 * (v - low)) / (high - low);
  const path = known.map((p, i) => `${i ? "L" : "M"}${x(p.x).toFixed(1)} ${y(p.y as number).toFixed(1)}`).join("");
  const last = points[points.length - 1];
  const text = last ? `${clock(points[0]!.t)}–${clock(last.t)}: ${known.map((p) => value(measure, p.y)).join(", ")}` : "";
  return (
    <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={text}>
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

/** Where a figure may truly lie: its interval on the measure's whole scale, and where it was. */
export function Range({ measure, now, before }: {
  measure: string;
  now: Figure;
  before?: Figure;
}): JSX.Element {
  const floor = isNet(measure) ? -1 : 0;
  const x = (v: number | null) => (100 * ((v ?? 0) - floor)) / (1 - floor);
  return (
    <svg class="range" viewBox="0 0 100 16" preserveAspectRatio="none" role="img"
      aria-label={`${t("interval")} ${interval(measure, now)}`}>
      <title>{`${t("interval")} ${interval(measure, now)}, n=${now.n}`}</title>
      <rect class="scale" x="0" width="100" y="6" height="4" />
      <rect class="band" x={x(now.low)} width={Math.max(0.5, x(now.high) - x(now.low))} y="5" height="6" />
      {before && <rect class="before" x={x(before.value) - 0.3} width="0.6" y="2" height="12" />}
      <rect class="at" x={x(now.value) - 0.6} width="1.2" y="1" height="14" />
    </svg>
  );
}
