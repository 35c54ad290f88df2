// What comes in right now, and how the last 24 hours stand against the 24 before.
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { AlertCard } from "./alerts";
import { query } from "./api";
import { difference, integer, isCount, measureName, SMALL, value, verdict } from "./format";
import { useEvery, useGet, useStream } from "./hooks";
import { t, term } from "./i18n";
import { Busy, Failure } from "./parts";
import { RecordDrawer, Row } from "./record";
import { href } from "./route";
import type { Scene } from "./scene";
import { Range, Spark } from "./spark";
import type { Feedback, Page, Trend } from "./types";
import { equal } from "./where";

const KEEP = 200; // rows on the screen
const TOGETHER = 40; // ms
const DAY = 24 * 3600 * 1000;

function lastDay(now: number): { from: string; to: string } {
  return { from: new Date(now - DAY).toISOString(), to: new Date(now).toISOString() };
}

function trend(measure: string, now: number, more: Record<string, string> = {}): string {
  return query("/v1/trends", { measure, ...lastDay(now), ...more });
}

function Tile({ measure, now }: { measure: string; now: number }): JSX.Element {
  const { data, error } = useGet<Trend>(trend(measure, now, { bucket: "hour", compare: "previous" }));
  const s = data?.series[0];
  const before = s?.previous;
  return (
    <div class="tile">
      <h2>{measureName(measure)}</h2>
      <p class="figure">{s ? value(measure, s.total.value) : error ? "–" : "…"}</p>
      {error && <p class="worse" role="status">{error}</p>}
      <p class="muted">
        {before && before.n > 0 ? (
          <>
            {t("before24", { v: value(measure, before.value) })}{" "}
            <strong class={s ? verdict(measure, s.total, before) : ""}>
              {difference(measure, s?.total.value ?? null, before.value)}
            </strong>
          </>
        ) : (
          t("noBefore")
        )}
        {s && !isCount(measure) && s.total.n > 0 && s.total.n < SMALL && (
          <span class="small-n" title={t("small")}> n={integer(s.total.n)}</span>
        )}
      </p>
      {s?.points && isCount(measure) && (s.total.value ?? 0) > 0 && <Spark points={s.points} measure={measure} />}
      {s && !isCount(measure) && s.total.n > 0 && (
        <Range measure={measure} now={s.total} before={before && before.n > 0 ? before : undefined} />
      )}
    </div>
  );
}

function Bars({ title, by, now, kind }: {
  title: string;
  by: "category" | "signal";
  now: number;
  kind: "category" | "signal";
}): JSX.Element {
  const { data, error } = useGet<Trend>(trend("count", now, { by }));
  const rates = useGet<Trend>(by === "category" ? trend("negative_rate", now, { by }) : null);
  const rows = (data?.series ?? []).filter((s) => s.key && !s.key.includes("/") && s.total.value).slice(0, 9);
  const most = Math.max(1, ...rows.map((s) => s.total.value ?? 0));
  const span = lastDay(now);
  return (
    <section class="card">
      <h2>{title}</h2>
      {error && <Failure why={error} />}
      {data && rows.length === 0 && <p class="muted">{t("nothing")}</p>}
      <ul class="bars">
        {rows.map((s) => {
          const rate = rates.data?.series.find((r) => r.key === s.key)?.total;
          const share = rate?.n ? (rate.value ?? 0) : by === "signal" ? 1 : 0;
          const width = (100 * (s.total.value ?? 0)) / most;
          return (
            <li key={s.key}>
              <a href={href("feedback", { where: equal(by, s.key), from: span.from, to: span.to })}>
                <span class="bar-name">{term(kind, s.key)}</span>
                <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="bar-all" x="0" y="0" width={width} height="8" rx="1" />
                  <rect class="bar-bad" x="0" y="0" width={width * share} height="8" rx="1" />
                </svg>
                <span class="bar-n">
                  {integer(s.total.value ?? 0)}
                  {rate && rate.n > 0 && <small> {value("negative_rate", rate.value)}</small>}
                </span>
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Newest first, each record once, as last heard of. */
function put(list: Feedback[], news: Feedback[]): Feedback[] {
  const byId = new Map([...list, ...news].map((f) => [f.id, f]));
  const at = new Map([...byId].map(([id, f]) => [id, Date.parse(f.created_at)]));
  return [...byId.values()].sort((a, b) => at.get(b.id)! - at.get(a.id)!).slice(0, KEEP);
}

/** Hands on what comes in a few times a second: in a flood one drawing serves many records. What
 * nobody would see any more is let go, also while a hidden page's timers sleep. */
function useHeard(take: (news: Feedback[]) => void): (f: Feedback) => void {
  const latest = useRef(take);
  latest.current = take;
  const heard = useRef<Feedback[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback((f: Feedback) => {
    heard.current.push(f);
    if (heard.current.length > 2 * KEEP) heard.current.splice(0, KEEP);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current(heard.current.splice(0));
    }, TOGETHER);
  }, []);
}

interface FeedState {
  items: Feedback[];
  held: Feedback[]; // heard of while paused
  fresh: Set<string>; // of those two, what came by the stream
}

function useFeed(): FeedState & { error: string | null; loading: boolean; paused: boolean; setPaused: (p: boolean) => void } {
  const first = useGet<Page<Feedback>>("/v1/feedback?limit=60");
  const [paused, setPaused] = useState(false);
  const [state, setState] = useState<FeedState>({ items: [], held: [], fresh: new Set() });
  const update = (change: (s: FeedState) => Omit<FeedState, "fresh">, news: Feedback[] = []) =>
    setState((s) => {
      const next = change(s);
      const kept = new Set([...next.items, ...next.held].map((f) => f.id)); // a day of ids is no small thing
      return { ...next, fresh: new Set([...s.fresh, ...news.map((f) => f.id)].filter((id) => kept.has(id))) };
    });
  useEffect(() => {
    if (first.data) update(({ items, held }) => ({ items: put(first.data!.items, items), held }));
  }, [first.data]);
  const heard = useHeard((news) =>
    update(({ items, held }) => (paused ? { items, held: put(held, news) } : { items: put(items, news), held }), news),
  );
  useStream({
    feedback: heard,
    state: (open) => {
      if (open && first.data) first.reload();
    },
  });
  useEffect(() => {
    if (!paused) update(({ items, held }) => ({ items: put(items, held), held: [] }));
  }, [paused]);
  return { ...state, error: first.error, loading: first.loading, paused, setPaused };
}

function Feed({ names }: Pick<Scene, "names">): JSX.Element {
  const { items, fresh, error, loading, held, paused, setPaused } = useFeed();
  const [only, setOnly] = useState({ negative: false, signals: false });
  const [open, setOpen] = useState<string | null>(null);
  const shown = useMemo(
    () =>
      items.filter(
        (f) =>
          (!only.negative || f.analysis?.sentiment?.label === "negative") &&
          (!only.signals || (f.analysis?.signals ?? []).some((s) => s !== "pii")),
      ),
    [items, only],
  );
  return (
    <section class="card feed" aria-label={t("stream")}>
      <header class="feed-head">
        <h2>{t("stream")}</h2>
        <span class="spring" />
        <label class="check">
          <input type="checkbox" checked={only.negative}
            onChange={(e) => setOnly({ ...only, negative: e.currentTarget.checked })} /> {t("onlyNegative")}
        </label>
        <label class="check">
          <input type="checkbox" checked={only.signals}
            onChange={(e) => setOnly({ ...only, signals: e.currentTarget.checked })} /> {t("onlySignals")}
        </label>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? `${t("resume")}${held.length ? ` (${t("waiting", { n: held.length })})` : ""}` : t("pause")}
        </button>
      </header>
      {error && <Failure why={error} />}
      {loading && items.length === 0 && <Busy />}
      {!loading && shown.length === 0 && <p class="muted">{items.length ? t("nothing") : t("nothingYet")}</p>}
      <ul class="rows">
        {shown.map((f) => (
          <Row key={f.id} f={f} names={names} fresh={fresh.has(f.id)} onOpen={(r) => setOpen(r.id)} />
        ))}
      </ul>
      {open && <RecordDrawer id={open} names={names} onClose={() => setOpen(null)} />}
    </section>
  );
}

export function LivePage(scene: Scene): JSX.Element {
  const steers = scene.session.role !== "agent";
  const [now, setNow] = useState(() => Date.now());
  const dirty = useRef(false);
  useStream({ feedback: () => void (dirty.current = true) });
  // Figures follow the stream, but a flood costs one question a few seconds, not one a record.
  useEvery(5000, () => {
    if (dirty.current || Date.now() - now > 60000) setNow(Date.now());
    dirty.current = false;
  });
  return (
    <>
      <h1 class={steers ? "sr-only" : ""}>{t("live")}</h1>
      {steers && (
        <>
          <section class="tiles" aria-label={t("last24")}>
            {["count", "negative_rate", "csat", "nps"].map((m) => (
              <Tile key={m} measure={m} now={now} />
            ))}
          </section>
          {scene.alerts.length > 0 && <h2 class="band">{t("openAlerts")}</h2>}
          <section class="open-alerts" aria-label={t("openAlerts")}>
            {scene.alerts.slice(0, 3).map((a) => (
              <AlertCard key={a.id} alert={a} names={scene.names} rules={scene.rules} brief onChange={scene.reloadAlerts} />
            ))}
            {scene.alerts.length > 3 && (
              <a href={href("alerts")}>{t("openAlerts")} ({scene.alerts.length})</a>
            )}
          </section>
        </>
      )}
      <div class={steers ? "split" : ""}>
        <Feed names={scene.names} />
        {steers && (
          <aside>
            <Bars title={t("categories24")} by="category" kind="category" now={now} />
            <Bars title={t("signals24")} by="signal" kind="signal" now={now} />
          </aside>
        )}
      </div>
    </>
  );
}
