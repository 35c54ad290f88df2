// One feedback record: a row in a list, and all of it in a drawer with its evidence.
import type { JSX } from "preact";
import { dateTime, clock, date, value } from "./format";
import { useGet } from "./hooks";
import { currentLang, label, t, term } from "./i18n";
import { Busy, Categories, Chip, Drawer, Failure, Mood, MoodOf, Signals } from "./parts";
import { href } from "./route";
import type { Evidence, Feedback, Score } from "./types";
import { gist, ruleName, Verbatim } from "./verbatim";

export function Row({ f, onOpen, names, fresh }: {
  f: Feedback;
  onOpen: (f: Feedback) => void;
  names?: Map<string, string>; // without: the segments are told elsewhere
  fresh?: boolean;
}): JSX.Element {
  const mood = f.analysis?.sentiment?.label ?? "none";
  return (
    <li class={`row ${mood}${fresh ? " fresh" : ""}`}>
      <button type="button" class="row-open" onClick={() => onOpen(f)}>
        <span class="row-side">
          <time dateTime={f.created_at}>{clock(f.created_at)}</time>
          <small>{date(f.created_at)}</small>
        </span>
        <span class="row-main">
          <span class="row-text">
            {gist(f) ? <Verbatim text={gist(f)} lines={2} /> : <ScoreLine f={f} />}
          </span>
          <span class="row-tags">
            <MoodOf f={f} />
            <Chip tone="kind">{term("kind", f.kind)}</Chip>
            {f.analysis && <Categories of={f.analysis.categories} />}
            {f.analysis && <Signals of={f.analysis.signals} />}
            {names && f.segments.map((s) => (
              <Chip key={s} tone="segment">{names.get(s) ?? s}</Chip>
            ))}
            {f.agent && <span class="by">{[f.team, f.agent].filter(Boolean).join(" · ")}</span>}
          </span>
        </span>
      </button>
    </li>
  );
}

function score(s: Score | number | undefined): string {
  if (s === undefined || s === null) return "";
  return typeof s === "number" ? String(s) : `${s.value}/${s.scale}`;
}

export function ScoreLine({ f }: { f: Feedback }): JSX.Element {
  const parts: string[] = [];
  if (f.rating) parts.push(`${t("rating")} ${score(f.rating)}`);
  if (f.answers?.csat) parts.push(`${t("csat")} ${score(f.answers.csat)}`);
  if (f.answers?.nps !== undefined) parts.push(`${t("nps")} ${score(f.answers.nps)}`);
  if (f.answers?.ces) parts.push(`${t("ces")} ${score(f.answers.ces)}`);
  return <span class="scores">{parts.join(" · ") || <span class="muted">{t("noAnswer")}</span>}</span>;
}

const of = (part: "title" | "text", list?: Evidence[]) => list?.filter((e) => e.part === part);
const ofTurn = (turn: number, list?: Evidence[]) => list?.filter((e) => e.turn === turn);

function Words({ f }: { f: Feedback }): JSX.Element {
  const evidence = f.analysis?.evidence;
  return (
    <div class="words">
      {f.title && <h3><Verbatim text={f.title} evidence={of("title", evidence)} /></h3>}
      {f.text && <p><Verbatim text={f.text} evidence={of("text", evidence)} /></p>}
      {f.turns?.map((turn, i) => (
        <div key={i} class={`turn ${turn.by === "customer" ? "customer" : "other"}`}>
          <span class="turn-by">
            {label("who_", turn.by)} {turn.at && <time dateTime={turn.at}>{clock(turn.at)}</time>}
          </span>
          <Verbatim text={turn.text} evidence={ofTurn(i, evidence)} />
        </div>
      ))}
      {(f.rating || f.answers) && <p><ScoreLine f={f} /></p>}
    </div>
  );
}

function Reading({ f }: { f: Feedback }): JSX.Element | null {
  const a = f.analysis;
  if (!a) return null;
  return (
    <section class="reading">
      <p class="row-tags">
        {a.sentiment && <Mood of={a.sentiment.label} strong />}
        {a.sentiment && (
          <span class="by">
            {value("polarity", a.sentiment.polarity)} · {t("confidence")} {value("share", a.sentiment.confidence)}
          </span>
        )}
        <Chip tone="kind">{term("type", a.type)}</Chip>
        <Categories of={a.categories} />
        <Signals of={a.signals} />
      </p>
      <Why evidence={a.evidence ?? []} lexicon={a.lexicon} />
    </section>
  );
}

function Why({ evidence, lexicon }: { evidence: Evidence[]; lexicon?: number }): JSX.Element {
  const shown = [...evidence].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 12);
  if (shown.length === 0) return <p class="muted">{t("whyNone")}</p>;
  return (
    <details open>
      <summary>{t("why")}</summary>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">{t("evidenceText")}</th>
            <th scope="col">{t("evidenceRule")}</th>
            <th scope="col" class="num">{t("evidenceWeight")}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((e, i) => (
            <tr key={i}>
              <td><bdi dir="auto">{e.text}</bdi></td>
              <td>{ruleName(e.rule)}</td>
              <td class="num">{/^(category|type|signal|pii)/.test(e.rule) ? "" : value("polarity", e.weight)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lexicon !== undefined && <small class="muted">lexicon {lexicon}</small>}
    </details>
  );
}

function safeLink(url: string | undefined): string | undefined {
  return url && /^https?:\/\//i.test(url) ? url : undefined;
}

/** What agents are given instead of an id: it opens the customer and says nothing to people. */
function isHandle(id: string): boolean {
  return /^c_[\w-]{40,}$/.test(id);
}

function Facts({ f, names }: { f: Feedback; names: Map<string, string> }): JSX.Element {
  const pairs: [string, JSX.Element | string][] = [];
  const put = (name: string, v?: string | JSX.Element) => v && pairs.push([name, v]);
  if (f.customer)
    put(t("who_customer"), <a href={href("customer", {}, f.customer.id)}>{isHandle(f.customer.id) ? t("openCustomer") : f.customer.id}</a>);
  if (f.segments.length) put(t("segments"), f.segments.map((s) => names.get(s) ?? s).join(", "));
  put(t("productName"), f.product);
  put(t("order"), f.order);
  put(t("agentName"), [f.vendor, f.team, f.agent].filter(Boolean).join(" · "));
  put(t("stage"), f.stage && term("stage", f.stage));
  put(t("channel"), [term("kind", f.kind), f.channel].filter(Boolean).join(" · "));
  put(t("source"), `${f.source} ${f.external_id}`);
  for (const [id, arm] of Object.entries(f.experiments ?? {})) put(id, arm);
  const link = safeLink(f.url);
  if (link) put(t("original"), <a href={link} target="_blank" rel="noreferrer noopener">{t("original")} ↗</a>);
  return (
    <dl class="facts">
      {pairs.map(([name, v]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd><bdi dir="auto">{v}</bdi></dd>
        </div>
      ))}
    </dl>
  );
}

export function RecordDrawer({ id, names, onClose }: {
  id: string;
  names: Map<string, string>;
  onClose: () => void;
}): JSX.Element {
  const { data, error } = useGet<Feedback>(`/v1/feedback/${id}`);
  const title = data ? `${term("kind", data.kind)} · ${dateTime(data.created_at)}` : t("details");
  return (
    <Drawer title={title} onClose={onClose}>
      {error && <Failure why={error} />}
      {!data && !error && <Busy />}
      {data && (
        <>
          <Words f={data} />
          <Reading f={data} />
          <Facts f={data} names={names} />
        </>
      )}
    </Drawer>
  );
}

export function reasonOf(r: { ko: string; en: string }): string {
  return currentLang() === "ko" ? r.ko : r.en;
}

