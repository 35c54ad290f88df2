// What changed since the period before, over every way to cut it: the few differences that chance
// does not explain, so that nobody has to try thirty splits by hand.
import type { JSX } from "preact";
import { query } from "./api";
import { keyName, SPLITS } from "./filter";
import { difference, integer, isCount, measureName, value, worseWhenMore } from "./format";
import { useGet } from "./hooks";
import { t } from "./i18n";
import { href } from "./route";
import type { Scene } from "./scene";
import type { Figure, Trend } from "./types";
import { all, equal } from "./where";

const CUTS = ["category", "product", "segment", "team", "channel", "kind"] as const;
const MOST = 8;
const FEWEST = 10; // answers on either side, below which a difference is not looked at
const NORMAL_95 = 1.96;

interface Mover {
  measure: string;
  cut: string;
  key: string;
  now: Figure;
  before: Figure;
  z: number;
}

/** Standard error behind a 95 % interval. */
function error(f: Figure): number {
  return ((f.high ?? 0) - (f.low ?? 0)) / (2 * NORMAL_95);
}

/** The difference in standard errors. */
function score(now: Figure, before: Figure): number {
  const e = Math.hypot(error(now), error(before));
  return e > 0 && Number.isFinite(e) ? ((now.value ?? 0) - (before.value ?? 0)) / e : 0;
}

/** How many records stand behind a figure: of a share, those that have the key. */
function behind(measure: string, f: Figure): number {
  return measure === "share" ? f.n * (f.value ?? 0) : f.n;
}

/** Two-sided 5 % shared among `n` looks (Bonferroni): the more one looks, the more it takes. The
 * quantile by Abramowitz and Stegun 26.2.23, good to 0.0005. */
function threshold(n: number): number {
  const s = Math.sqrt(-2 * Math.log(0.025 / Math.max(1, n)));
  return s - (2.515517 + 0.802853 * s + 0.010328 * s * s) / (1 + 1.432788 * s + 0.189269 * s * s + 0.001308 * s ** 3);
}

function moversOf(trends: Trend[]): Mover[] {
  const seen: Mover[] = [];
  for (const { measure, by, series } of trends) {
    for (const { key, total: now, previous: before } of series) {
      if (!key || !by || !before) continue;
      const least = (measure === "share" ? Math.max : Math.min)(behind(measure, now), behind(measure, before));
      if (least >= FEWEST) seen.push({ measure, cut: by, key, now, before, z: score(now, before) });
    }
  }
  const least = threshold(seen.length);
  return seen.filter((m) => Math.abs(m.z) >= least).sort((a, b) => Math.abs(b.z) - Math.abs(a.z)).slice(0, MOST);
}

function Line({ m, scene }: { m: Mover; scene: Scene }): JSX.Element {
  const { measure } = m;
  const worse = worseWhenMore(measure);
  const tone = worse === null ? "" : m.z > 0 === worse ? "worse" : "better";
  const { where, ...rest } = scene.route.params;
  const cut = all(where, equal(m.cut, m.key));
  return (
    <li>
      <small class="muted">{t(SPLITS.find(([c]) => c === m.cut)![1])}</small>{" "}
      <a href={href("trends", { ...rest, measure, by: undefined, where: cut })}>
        <strong><bdi>{keyName(m.cut, m.key, scene)}</bdi></strong>
      </a>{" "}
      {measureName(measure)} {value(measure, m.before.value)} → <strong>{value(measure, m.now.value)}</strong>{" "}
      <span class={tone}>{difference(measure, m.now.value, m.before.value)}</span>
      <small class="muted"> n={integer(m.before.n)} → {integer(m.now.n)}</small>
    </li>
  );
}

export function Movers({ scene, measure, asked }: {
  scene: Scene;
  measure: string;
  asked: Record<string, string | undefined>;
}): JSX.Element | null {
  // Which part of the whole grew, and where the measure itself moved. Plain counts are told by
  // their shares: with more records in all, every count grows.
  const moved = isCount(measure) || measure === "share" ? null : measure;
  const path = (m: string, by: string) => query("/v1/trends", { ...asked, measure: m, by, bucket: undefined, compare: "previous" });
  const loads = CUTS.flatMap((by) => [useGet<Trend>(path("share", by)), useGet<Trend>(moved && path(moved, by))]);
  if (loads.some((l) => l.loading && !l.data)) return null;
  const movers = moversOf(loads.flatMap((l) => (l.data ? [l.data] : [])));
  return (
    <section class="card movers" aria-label={t("movers")}>
      <h2>{t("movers")}</h2>
      {movers.length === 0 && <p class="muted">{t("noMovers")}</p>}
      <ul>{movers.map((m) => <Line key={`${m.measure}/${m.cut}/${m.key}`} m={m} scene={scene} />)}</ul>
    </section>
  );
}
