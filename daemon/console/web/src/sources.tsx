// Whether what should come in does: every source with what it brought, and how polling goes.
import type { JSX } from "preact";
import { query } from "./api";
import { ago, integer } from "./format";
import { useEvery, useGet } from "./hooks";
import { label, t } from "./i18n";
import { Busy, Chip, Failure } from "./parts";
import { href } from "./route";
import type { Scene } from "./scene";
import type { Figure, Page, Source, Trend } from "./types";
import { equal } from "./where";

const DAY = 24 * 3600 * 1000;

interface Line {
  source: string;
  now?: Figure;
  before?: Figure;
  polled?: Source;
}

function linesOf(trend: Trend | null, polled: Source[]): Line[] {
  const lines = new Map<string, Line>();
  for (const s of trend?.series ?? []) lines.set(s.key, { source: s.key, now: s.total, before: s.previous });
  for (const p of polled) lines.set(p.source, { ...(lines.get(p.source) ?? { source: p.source }), polled: p });
  return [...lines.values()].sort((a, b) => Number(inTrouble(b)) - Number(inTrouble(a)) || (a.source < b.source ? -1 : 1));
}

/** What somebody should look at comes first. */
function inTrouble({ polled }: Line): boolean {
  return polled != null && polled.state !== "paused" && (polled.error != null || polled.silence.silent);
}

function State({ line }: { line: Line }): JSX.Element {
  const p = line.polled;
  if (!p) return <Chip tone="quiet">{t("received")}</Chip>;
  const quiet = p.state === "paused" || p.state === "receiving" || p.state === "sent";
  const troubled = p.error != null && !quiet;
  const tone = troubled ? "negative" : quiet ? "quiet" : "positive";
  return (
    <>
      <Chip tone={tone}>{label("source_", troubled ? "failing" : p.state)}</Chip>{" "}
      {p.silence.silent && <span title={t("sourceSilentWhy")}><Chip tone="negative">{t("sourceSilent")}</Chip></span>}{" "}
      {p.error && (
        <>
          <span class="worse">{label("upstream_", p.error.code)}</span>{" "}
          <small class="muted"><bdi>{p.error.detail}</bdi></small>
        </>
      )}
    </>
  );
}

const UNITS = { m: "window_m", h: "window_h", d: "window_d" } as const;

/** What came in the window that says most, and what was expected in it. */
function Expected({ of }: { of: Source | undefined }): JSX.Element {
  const { window: span, got, expected } = of?.silence ?? {};
  if (!span || got == null || expected == null) return <>–</>;
  const [, n = "", unit = "h"] = /^(\d+)([mhd])$/.exec(span) ?? [];
  return (
    <>
      {integer(got)} / {integer(Math.round(expected))}{" "}
      <small class="muted">{t(UNITS[unit as keyof typeof UNITS], { n })}</small>
    </>
  );
}

function when(time: string | null | undefined): string {
  return time ? ago(time) : "–";
}

function Row({ line, from, to }: { line: Line; from: string; to: string }): JSX.Element {
  const silent = line.polled?.silence.silent || ((line.now?.value ?? 0) === 0 && (line.before?.value ?? 0) > 0);
  return (
    <tr>
      <th scope="row" class="whole">
        <bdi>{line.source}</bdi> {line.polled?.connector && <small class="muted">{line.polled.connector}</small>}
      </th>
      <td><State line={line} /></td>
      <td class={`num strong ${silent ? "worse" : ""}`}>
        <a href={href("feedback", { where: equal("source", line.source), from, to })}>{integer(line.now?.value ?? 0)}</a>
      </td>
      <td class="num muted">{integer(line.before?.value ?? 0)}</td>
      <td class="num"><Expected of={line.polled} /></td>
      <td>{when(line.polled?.last_record_at)}</td>
      <td>{when(line.polled?.last_success_at)}</td>
      <td class="num">{line.polled ? integer(line.polled.records.rejected) : "–"}</td>
      <td class="num">{line.polled ? integer(line.polled.dead_letters) : "–"}</td>
    </tr>
  );
}

export function SourcesPage(_scene: Scene): JSX.Element {
  const to = new Date(Math.ceil(Date.now() / 60000) * 60000);
  const from = new Date(to.getTime() - DAY);
  const span = { from: from.toISOString(), to: to.toISOString() };
  const counts = useGet<Trend>(query("/v1/trends", { measure: "count", by: "source", compare: "previous", ...span }));
  const polled = useGet<Page<Source>>("/v1/sources");
  useEvery(15000, () => {
    counts.reload();
    polled.reload();
  });
  const lines = linesOf(counts.data, polled.data?.items ?? []);
  const error = counts.error ?? polled.error;
  return (
    <>
      <header class="page-head"><h1>{t("sources")}</h1></header>
      {error && <Failure why={error} />}
      {!counts.data && !error && <Busy />}
      {counts.data && lines.length === 0 && <p class="notice">{t("nothingYet")}</p>}
      <section class="card" hidden={lines.length === 0}>
        <div class="scroll" tabIndex={0} role="region" aria-label={t("sources")}>
          <table class="figures">
            <thead>
              <tr>
                <th scope="col">{t("source")}</th>
                <th scope="col">{t("state")}</th>
                <th scope="col" class="num">{t("last24")}</th>
                <th scope="col" class="num">{t("prior24")}</th>
                <th scope="col" class="num">{t("againstExpected")}</th>
                <th scope="col">{t("lastRecord")}</th>
                <th scope="col">{t("lastSuccess")}</th>
                <th scope="col" class="num">{t("rejected")}</th>
                <th scope="col" class="num" title={t("deadLettersWhy")}>{t("deadLetters")}</th>
              </tr>
            </thead>
            <tbody>{lines.map((l) => <Row key={l.source} line={l} {...span} />)}</tbody>
          </table>
        </div>
      </section>
    </>
  );
}
