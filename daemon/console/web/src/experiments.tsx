// What an A/B test says: the verdict in a sentence, then the figures it stands on.
import type { JSX } from "preact";
import { integer, interval, isShare, measureName, value } from "./format";
import { useGet } from "./hooks";
import { t, type Key } from "./i18n";
import { Busy, Chip, Failure } from "./parts";
import { reasonOf } from "./record";
import { href } from "./route";
import type { Scene } from "./scene";
import type { Difference, Experiment, Page, Summary } from "./types";
import { equal } from "./where";

function pValue(p: number | null): string {
  if (p === null) return "–";
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

function delta(measure: string, d: number | null): string {
  if (d === null) return "–";
  const points = isShare(measure) || measure === "nps" || measure === "net_sentiment";
  const text = (points ? (d * 100).toFixed(1) : d.toFixed(2)).replace("-", "−");
  const signed = d > 0 ? `+${text}` : text;
  return isShare(measure) ? t("points", { n: signed }) : signed;
}

/** The interval of a difference around nought. */
function Whisker({ measure, d }: { measure: string; d: Difference }): JSX.Element {
  if (d.low === null || d.high === null || d.difference === null) return <></>;
  const reach = Math.max(Math.abs(d.low), Math.abs(d.high), 1e-9) * 1.1;
  const x = (v: number) => 50 + (48 * v) / reach;
  const side = d.low > 0 ? "up" : d.high < 0 ? "down" : "";
  return (
    <svg class={`whisker ${side}`} viewBox="0 0 100 14" preserveAspectRatio="none" role="img"
      aria-label={`${delta(measure, d.low)} – ${delta(measure, d.high)}`}>
      <line class="nought" x1="50" x2="50" y1="0" y2="14" vector-effect="non-scaling-stroke" />
      <line x1={x(d.low)} x2={x(d.high)} y1="7" y2="7" vector-effect="non-scaling-stroke" />
      <rect x={x(d.difference) - 1} width="2" y="3" height="8" />
    </svg>
  );
}

function Arms({ s }: { s: Summary }): JSX.Element {
  const told = (m: string) => s.arms.some((a) => (a.measures[m]?.n ?? 0) > 0);
  const measures = [s.measure, ...Object.keys(s.arms[0]?.measures ?? {}).filter((m) => m !== s.measure && told(m))];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${s.name ?? s.experiment}: ${t("table")}`}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{t("measure")}</th>
            {s.arms.map((a) => (
              <th scope="col" class="num" key={a.arm}>
                <bdi>{a.arm}</bdi>{a.arm === s.control && <small class="muted"> ({t("control")})</small>}
                <br /><small class="muted">{t("assigned")} {integer(a.assigned)} · {t("responded")} {integer(a.responded)}</small>
              </th>
            ))}
            {s.comparisons.map((c) => (
              <th scope="col" class="num" key={c.arm} colSpan={2}><bdi>{c.arm}</bdi>: {t("difference")}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {measures.map((m) => (
            <tr key={m} class={m === s.measure ? "focus" : ""}>
              <th scope="row">{measureName(m)}</th>
              {s.arms.map((a) => {
                const f = a.measures[m];
                return (
                  <td class="num" key={a.arm}>
                    {f && f.n > 0 ? (
                      <>
                        <strong>{value(m, f.value)}</strong>
                        <br /><small class="muted">{interval(m, f)} · n={integer(f.n)}</small>
                      </>
                    ) : "–"}
                  </td>
                );
              })}
              {s.comparisons.map((c) => {
                const d = c.measures[m];
                return d && d.difference !== null ? (
                  <>
                    <td class="num" key={`${c.arm}-d`}>
                      <strong>{delta(m, d.difference)}</strong>
                      <br /><small class="muted">{t("pvalue")} {pValue(d.p)}</small>
                    </td>
                    <td key={`${c.arm}-w`}><Whisker measure={m} d={d} /></td>
                  </>
                ) : (
                  <td key={c.arm} colSpan={2}>–</td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The rows an arm's figures are of: as long as the experiment has records, or was declared to run. */
function rowsOf(e: Experiment, s: Summary, arm: string): Record<string, string | undefined> {
  const from = s.from ?? e.first_at;
  return { where: equal(`experiments.${e.id}`, arm), from: from ?? undefined, to: s.to ?? undefined };
}

function Card({ e }: { e: Experiment }): JSX.Element {
  const { data: s, error, reload } = useGet<Summary>(`/v1/experiments/${encodeURIComponent(e.id)}/summary`);
  return (
    <article class={`card experiment ${s?.verdict.code ?? ""}`} data-experiment={e.id}>
      <header>
        {s && <span class={`verdict ${s.verdict.code}`}>{t(`verdict_${s.verdict.code}` as Key)}</span>}
        <h2>{e.name ?? e.id}</h2>
        {e.name && e.name !== e.id && <Chip tone="quiet">{e.id}</Chip>}
        {!e.declared && <Chip tone="quiet">{t("undeclared")}</Chip>}
      </header>
      {error && <Failure why={error} retry={reload} />}
      {!s && !error && <Busy />}
      {s && (
        <>
          <p class="reason">{reasonOf(s.verdict)}</p>
          {s.warnings.map((w) => <p key={w.code} class="notice warn">{reasonOf(w)}</p>)}
          <Arms s={s} />
          <footer>
            <span class={s.ratio_check.passed ? "muted" : "worse"}>
              {t(s.ratio_check.passed ? "ratioOk" : "ratioBad", { p: pValue(s.ratio_check.p) })}
            </span>
            <span class="spring" />
            {s.arms.map((a) => (
              <a key={a.arm} href={href("feedback", rowsOf(e, s, a.arm))}>
                {a.arm} {t("rows")}
              </a>
            ))}
          </footer>
        </>
      )}
    </article>
  );
}

export function ExperimentsPage(_scene: Scene): JSX.Element {
  const { data, error, loading, reload } = useGet<Page<Experiment>>("/v1/experiments");
  return (
    <>
      <header class="page-head"><h1>{t("experiments")}</h1></header>
      {error && <Failure why={error} retry={reload} />}
      {loading && !data && <Busy />}
      {data?.items.length === 0 && <p class="muted">{t("noExperiments")}</p>}
      {data?.items.map((e) => <Card key={e.id} e={e} />)}
    </>
  );
}
