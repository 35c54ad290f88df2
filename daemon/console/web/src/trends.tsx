// Any measure over time, split and compared; from every number one goes to its rows.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { query } from "./api";
import { Chart, COLOURS, type Line } from "./chart";
import { FilterBox, keyName, periodOf, PeriodPicker, SPLITS } from "./filter";
import { date, dateTime, difference, integer, interval, isCount, measureName, SMALL, value, verdict, weekday } from "./format";
import { useGet } from "./hooks";
import { currentLang, t, type Key } from "./i18n";
import { Movers } from "./movers";
import { Busy, Failure, Select } from "./parts";
import { go, href, refine } from "./route";
import type { Scene } from "./scene";
import type { Point, Series, Trend } from "./types";
import { all, equal } from "./where";

const MEASURES = [
  "negative_rate", "positive_rate", "net_sentiment", "polarity", "count", "conversations", "customers", "share",
  "csat", "nps", "ces", "rating", "response_rate",
];
const STEPS = ["hour", "day", "week", "month"];

/** Where a bucket ends: the next one's beginning, or the end of the period. */
function endOf(trend: Trend, points: Point[], index: number): string {
  return points[index + 1]?.t ?? trend.to;
}

function rowsLink(scene: Scene, trend: Trend, key: string, from: string, to: string): Record<string, string | undefined> {
  const cut = trend.by && key ? equal(trend.by, key) : undefined;
  return { where: all(scene.route.params.where, cut) || undefined, from, to };
}

function Change({ measure, s }: { measure: string; s: Series }): JSX.Element {
  const before = s.previous;
  if (!before || before.n === 0) return <td class="num muted">–</td>;
  return <td class={`num ${verdict(measure, s.total, before)}`}>{difference(measure, s.total.value, before.value)}</td>;
}

/** Largest first; a path of categories stands below its parent, and what has no key at the end. */
function ordered(trend: Trend): Series[] {
  const tree = trend.by === "category";
  const tops = trend.series.filter((s) => s.key && !(tree && s.key.includes("/")));
  const leaves = trend.series.filter((s) => !tops.includes(s) && s.key);
  const rest = trend.series.filter((s) => !s.key);
  const kept = tops.flatMap((s) => [s, ...leaves.filter((l) => tree && l.key.startsWith(`${s.key}/`))]);
  return [...kept, ...leaves.filter((l) => !kept.includes(l)), ...rest];
}

function Table({ scene, trend, shown, focus, onFocus }: {
  scene: Scene;
  trend: Trend;
  shown: Series[];
  focus: string;
  onFocus: (key: string) => void;
}): JSX.Element {
  const { measure } = trend;
  const by = trend.by ?? "";
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("table")}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{by ? t(SPLITS.find(([c]) => c === by)?.[1] ?? "key") : t("key")}</th>
            <th scope="col" class="num">{measureName(measure)}</th>
            {!isCount(measure) && <th scope="col" class="num">{t("interval")}</th>}
            <th scope="col" class="num">{t("sample")}</th>
            {trend.previous && <th scope="col" class="num">{t("change")}</th>}
            <th scope="col"><span class="sr-only">{t("rows")}</span></th>
          </tr>
        </thead>
        <tbody>
          {ordered(trend).map((s) => {
            const at = shown.findIndex((x) => x.key === s.key);
            const name = by ? keyName(by, s.key, scene) : t("total");
            return (
              <tr key={s.key} class={s.key === focus ? "focus" : ""}>
                <th scope="row" class={s.key.includes("/") && by === "category" ? "leaf" : ""}>
                  <button type="button" class="link" disabled={at < 0} onClick={() => onFocus(s.key)}>
                    <span class={`dot c${at >= 0 ? (at % COLOURS) + 1 : 0}`} aria-hidden="true" /> <bdi>{name}</bdi>
                  </button>
                </th>
                <td class="num strong">{value(measure, s.total.value)}</td>
                {!isCount(measure) && <td class="num muted">{interval(measure, s.total)}</td>}
                <td class="num" title={s.total.n < SMALL && !isCount(measure) ? t("small") : undefined}>
                  {integer(s.total.n)}{s.total.n < SMALL && !isCount(measure) && <span class="small-n"> ·</span>}
                </td>
                {trend.previous && <Change measure={measure} s={s} />}
                <td class="num">
                  {(s.key || !by) && (
                    <a href={href("feedback", rowsLink(scene, trend, s.key, trend.from, trend.to))}>{t("rows")}</a>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function momentOf(trend: Trend, p: Point): string {
  return trend.bucket === "hour" ? dateTime(p.t) : `${date(p.t)} (${weekday(p.t)})`;
}

/** The points of the line in focus one by one, for those who use no mouse. */
function Steps({ trend, line, index, onIndex, onRows }: {
  trend: Trend;
  line: Line;
  index: number | null;
  onIndex: (index: number) => void;
  onRows: (index: number) => void;
}): JSX.Element {
  const at = Math.min(index ?? line.points.length - 1, line.points.length - 1);
  const p = line.points[at];
  return (
    <div class="steps">
      <input type="range" min={0} max={Math.max(0, line.points.length - 1)} value={at}
        aria-label={`${line.name}: ${t(trend.bucket as Key)}`}
        aria-valuetext={p ? `${momentOf(trend, p)} ${value(trend.measure, p.value)}, n=${integer(p.n)}` : ""}
        onInput={(e) => onIndex(Number(e.currentTarget.value))} />
      <button type="button" disabled={!p} onClick={() => onRows(at)}>{t("rows")}</button>
    </div>
  );
}

function Reading({ trend, line, index }: { trend: Trend; line: Line; index: number | null }): JSX.Element {
  const p = index === null ? undefined : line.points[index];
  if (!p) return <p class="muted chart-note">{t("clickPoint")}</p>;
  const when = momentOf(trend, p);
  const before = index === null ? undefined : line.before?.[index];
  return (
    <p class="chart-note" aria-live="off">
      <strong>{when}</strong> {line.name} <strong>{value(trend.measure, p.value)}</strong>{" "}
      {!isCount(trend.measure) && <span class="muted">{interval(trend.measure, p)} · n={integer(p.n)}</span>}
      {before && before.n > 0 && <span class="muted"> ⇠ {value(trend.measure, before.value)}</span>}
    </p>
  );
}

function Plot({ scene, trend }: { scene: Scene; trend: Trend }): JSX.Element {
  const [picked, setPicked] = useState("");
  const [hover, setHover] = useState<number | null>(null);
  const shown = useMemo(() => trend.series.filter((s) => s.points && (s.key || !trend.by)
    && !(trend.by === "category" && s.key.includes("/"))).slice(0, COLOURS), [trend]);
  const focus = Math.max(0, shown.findIndex((s) => s.key === picked));
  const lines = useMemo<Line[]>(() => shown.map((s) => ({
    key: s.key,
    name: trend.by ? keyName(trend.by, s.key, scene) : t("total"),
    points: s.points ?? [],
    before: s.previous?.points,
  })), [shown, scene.names, currentLang()]);
  const drill = (line: number, index: number) => {
    const l = lines[line];
    const p = l?.points[index];
    if (l && p) go("feedback", rowsLink(scene, trend, l.key, p.t, endOf(trend, l.points, index)));
  };
  return (
    <>
      {trend.bucket && lines.length > 0 && (
        <section class="card">
          <div class="legend">
            {lines.map((l, i) => (
              <button key={l.key} type="button" aria-pressed={i === focus} onClick={() => setPicked(l.key)}>
                <span class={`dot c${(i % COLOURS) + 1}`} aria-hidden="true" /> <bdi>{l.name}</bdi>
              </button>
            ))}
          </div>
          <Chart lines={lines} focus={focus} measure={trend.measure} step={trend.bucket}
            label={`${measureName(trend.measure)}: ${lines.map((l) => l.name).join(", ")}`}
            onPoint={drill} onHover={setHover} />
          <Steps trend={trend} line={lines[focus]!} index={hover} onIndex={setHover} onRows={(i) => drill(focus, i)} />
          <Reading trend={trend} line={lines[focus]!} index={hover} />
        </section>
      )}
      {trend.series.length === 0 && <p class="notice">{t("nothing")}</p>}
      <section class="card" hidden={trend.series.length === 0}>
        <Table scene={scene} trend={trend} shown={shown} focus={lines[focus]?.key ?? ""} onFocus={setPicked} />
      </section>
    </>
  );
}

export function TrendsPage(scene: Scene): JSX.Element {
  const { route, zone } = scene;
  const p = route.params;
  const by = p.by ?? (p.measure ? "" : "category");
  const measure = p.measure ?? "negative_rate";
  const compare = (p.compare ?? "previous") === "previous";
  const asked = {
    measure, by: by || undefined, bucket: p.bucket ?? "day", where: p.where,
    compare: compare ? "previous" : undefined, ...periodOf(p, zone, "7d"),
  };
  const { data, error, loading, stale, reload } = useGet<Trend>(query("/v1/trends", asked));
  return (
    <>
      <header class="page-head">
        <h1>{t("trends")}</h1>
        <span class="spring" />
        <a class="button" download href={query("/v1/trends", { ...asked, format: "csv" })}>{t("csv")}</a>
      </header>
      <FilterBox scene={scene} where={p.where ?? ""}>
        <>
          <Select label={t("measure")} value={measure}
            options={MEASURES.map((m) => [m, measureName(m)])}
            onChange={(v) => refine(route, { measure: v, by: by || undefined })} />
          <Select label={t("by")} value={by}
            options={[["", t("none")], ...SPLITS.map(([c, k]): [string, string] => [c, t(k)])]}
            onChange={(v) => refine(route, { measure, by: v || undefined })} />
          <Select label={t("bucket")} value={p.bucket ?? "day"}
            options={STEPS.map((s) => [s, t(s as Key)])}
            onChange={(v) => refine(route, { bucket: v })} />
          <PeriodPicker scene={scene} standard="7d" />
          <label class="check">
            <input type="checkbox" checked={compare}
              onChange={(e) => refine(route, { compare: e.currentTarget.checked ? "previous" : "none" })} />{" "}
            {t("compare")}
          </label>
        </>
      </FilterBox>
      {error && <Failure why={error} retry={reload} />}
      {loading && !data && <Busy />}
      {compare && <Movers scene={scene} measure={measure} asked={asked} />}
      {data && (
        <div class={stale ? "stale" : undefined} aria-busy={stale}>
          <Plot key={`${data.measure}|${data.by ?? ""}`} scene={scene} trend={data} />
        </div>
      )}
    </>
  );
}
