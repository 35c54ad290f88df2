// A customer on one screen, while the phone rings: who, in which segments, what happened, what they
// said last, and what to mind. A telephony client may open #/customer?phone=NUMBER.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, Problem } from "./api";
import { date, dateTime, integer, money, phone } from "./format";
import { said, useGet } from "./hooks";
import { label, t, term, type Key } from "./i18n";
import { Busy, Chip, deepest, Failure, Field, Mood, MoodOf } from "./parts";
import { RecordDrawer, Row, ScoreLine } from "./record";
import { go, href, refine } from "./route";
import type { Scene } from "./scene";
import { gist } from "./verbatim";
import type { Activity, Context, CustomerFacts, Feedback, Page } from "./types";

interface Found {
  id: string;
  customer: CustomerFacts;
}

/** What somebody typed or a telephone system passed on, as what it may be: member numbers look like
 * phone numbers, and log-in names like addresses. */
function data(text: string): Record<string, string>[] {
  const value = text.trim();
  const digits = value.replace(/[\s().+-]/g, "");
  if (value.includes("@")) return [{ email: value }, { id: value }];
  return /^\d{8,15}$/.test(digits) ? [{ phone: value }, { id: value }] : [{ id: value }];
}

async function lookUp(text: string): Promise<Found[]> {
  const ways = data(text);
  for (const [i, body] of ways.entries()) {
    try {
      const { items } = await ask<Page<Found>>("/v1/customers/lookup", { body });
      if (items.length > 0) return items;
    } catch (e) {
      // Not well formed as the one thing, perhaps as the other.
      if (!(e instanceof Problem && e.code === "bad-lookup") || i + 1 === ways.length) throw e;
    }
  }
  return [];
}

function Search({ initial, onFound }: {
  initial: string;
  onFound: (found: Found[] | null) => void;
}): JSX.Element {
  const [text, setText] = useState(initial);
  const [error, setError] = useState("");
  const box = useRef<HTMLInputElement>(null);
  const turn = useRef(0);
  const find = async (value: string) => {
    const mine = ++turn.current;
    setError("");
    onFound(null);
    try {
      const items = await lookUp(value);
      if (mine !== turn.current) return; // somebody else is asked for by now
      if (items.length === 1) go("customer", {}, items[0]!.id);
      else if (items.length === 0) setError(t("notFound"));
      else onFound(items);
    } catch (e) {
      if (mine === turn.current) setError(e instanceof Problem && e.status === 404 ? t("notFound") : said(e));
    }
  };
  useEffect(() => () => void turn.current++, []); // an answer to a page that was left opens nothing
  useEffect(() => {
    if (initial) {
      setText(initial);
      void find(initial);
    } else if (turn.current === 0) {
      box.current?.focus();
    }
  }, [initial]);
  useEffect(() => {
    const slash = (e: KeyboardEvent) => {
      const typing = /^(input|textarea|select)$/i.test((e.target as HTMLElement).tagName);
      if (e.key !== "/" || typing) return;
      e.preventDefault();
      box.current?.focus();
      box.current?.select();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);
  return (
    <form
      class="find"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        if (text.trim()) void find(text);
      }}
    >
      <label for="find" class="sr-only">{t("findHint")}</label>
      <input id="find" ref={box} value={text} placeholder={t("findHint")} autocomplete="off" spellcheck={false}
        maxLength={512} onInput={(e) => setText(e.currentTarget.value)} />
      <button type="submit" class="primary">{t("find")}</button>
      {error && <p class="notice bad" role="alert">{error}</p>}
    </form>
  );
}

function Choice({ found }: { found: Found[] }): JSX.Element {
  return (
    <section class="card">
      <h2>{t("several")}</h2>
      <ul class="choice">
        {found.map(({ id, customer }) => (
          <li key={id}>
            <a href={href("customer", {}, id)}>
              <strong><bdi>{customer.name ?? id}</bdi></strong> <bdi>{phone(customer.phone ?? "")}</bdi> <bdi>{customer.email}</bdi>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

// --- one personal field: masked until a reason is given ---

function Personal({ id, field, value, masked }: {
  id: string;
  field: "name" | "email" | "phone";
  value: string | undefined;
  masked: boolean;
}): JSX.Element | null {
  const [plain, setPlain] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const [error, setError] = useState("");
  if (!value) return null;
  const reveal = async (e: Event) => {
    e.preventDefault();
    try {
      const { value: shown } = await ask<{ value: string }>(
        `/v1/customers/${encodeURIComponent(id)}/unmask`, { body: { field, reason: reason.trim() } });
      setPlain(shown);
      setAsking(false);
      setTimeout(() => setPlain(null), 60000); // not left on the screen
    } catch (x) {
      setError(said(x));
    }
  };
  return (
    <div>
      <dt>{t(field)}</dt>
      <dd>
        <bdi>{field === "phone" ? phone(plain ?? value) : (plain ?? value)}</bdi>
        {masked && plain === null && (
          <button type="button" class="link reveal" aria-expanded={asking}
            aria-label={`${t(field)}: ${t("reveal")}`} onClick={() => setAsking(!asking)}>
            {t("show")}
          </button>
        )}
        {asking && (
          <form class="ack" onSubmit={reveal}>
            <Field label={t("revealWhy")}>
              <input value={reason} minLength={2} maxLength={200} required
                onInput={(e) => setReason(e.currentTarget.value)} />
            </Field>
            <button type="submit" class="primary">{t("revealDo")}</button>
            {error && <p class="notice bad" role="alert">{error}</p>}
          </form>
        )}
      </dd>
    </div>
  );
}

// --- what to mind before answering ---

const MIND: [string, Key][] = [
  ["abuse", "attnAbuse"], ["legal", "attnLegal"], ["safety", "attnSafety"], ["churn", "attnChurn"],
  ["repeat_contact", "attnRepeat"], ["escalation", "attnEscalation"],
];
const RECENT = 30 * 24 * 3600 * 1000;

function Attention({ c, scene }: { c: Context; scene: Scene }): JSX.Element {
  const recent = c.feedback.filter((f) => Date.now() - Date.parse(f.created_at) < RECENT);
  const signals = new Set(recent.flatMap((f) => f.analysis?.signals ?? []));
  const products = new Set([...c.activities.map((a) => a.product), ...recent.map((f) => f.product)]);
  const lines: string[] = scene.alerts
    .filter((a) => a.group.product && products.has(a.group.product))
    .map((a) => t("attnIncident", { t: `${a.title} (${a.group.product})` }));
  lines.push(...MIND.filter(([code]) => signals.has(code)).map(([, key]) => t(key)));
  const read = recent.filter((f) => f.analysis?.sentiment);
  const negative = read.filter((f) => f.analysis?.sentiment?.label === "negative").length;
  if (negative >= 2) lines.push(t("attnNegative", { n: read.length, m: negative }));
  const arms = new Map(recent.flatMap((f) => Object.entries(f.experiments ?? {})));
  return (
    <section class={`card attention ${lines.length ? "hot" : ""}`} aria-label={t("attention")}>
      <h2>{t("attention")}</h2>
      {lines.length === 0 && <p class="muted">{t("attnNone")}</p>}
      <ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul>
      {arms.size > 0 && (
        <p class="row-tags">
          {t("script")}: {[...arms].map(([id, arm]) => <Chip key={id}>{id} · {arm}</Chip>)}
        </p>
      )}
    </section>
  );
}

function Moods({ mood }: { mood: Context["mood"] }): JSX.Element {
  const parts = (["negative", "neutral", "positive"] as const).filter((m) => mood[m] > 0);
  return (
    <p class="row-tags">
      {parts.map((m) => (
        <span key={m}><Mood of={m} /> {integer(mood[m])}</span>
      ))}
    </p>
  );
}

function Who({ c, scene }: { c: Context; scene: Scene }): JSX.Element {
  const { customer } = c;
  const masked = scene.session.role === "agent";
  const now = customer.segments.filter((s) => s.now);
  const details = Object.entries(customer.attributes ?? {});
  return (
    <section class="card who-card">
      <header>
        <h2><bdi>{customer.name ?? customer.id}</bdi></h2>
        {masked && <Chip tone="quiet">{t("masked")}</Chip>}
      </header>
      <p class="row-tags">
        {now.map((s) => <Chip key={s.code} tone="segment">{scene.names.get(s.code) ?? s.code}</Chip>)}
      </p>
      <dl class="facts">
        <Personal id={customer.id} field="name" value={customer.name} masked={masked} />
        <Personal id={customer.id} field="phone" value={customer.phone} masked={masked} />
        <Personal id={customer.id} field="email" value={customer.email} masked={masked} />
        {customer.first_seen && <div><dt>{t("firstSeen")}</dt><dd>{date(customer.first_seen)}</dd></div>}
        {customer.last_feedback && (
          <div><dt>{t("lastFeedback")}</dt><dd>{dateTime(customer.last_feedback)}</dd></div>
        )}
      </dl>
      <h3>{t("mood")} <small class="muted">{t("contacts", { n: integer(c.mood.n) })}</small></h3>
      <Moods mood={c.mood} />
      {details.length > 0 && (
        <details>
          <summary>{t("attributes")}</summary>
          <dl class="facts">
            {details.map(([k, v]) => <div key={k}><dt>{k}</dt><dd><bdi dir="auto">{v}</bdi></dd></div>)}
          </dl>
        </details>
      )}
    </section>
  );
}

type Step = { at: string; act?: Activity; said?: Feedback };

function Gist({ f }: { f: Feedback }): JSX.Element {
  const a = f.analysis;
  if (!a || !gist(f)) return <ScoreLine f={f} />;
  return <>{a.categories[0] ? term("category", deepest(a.categories)[0]!.code) : term("type", a.type)}</>;
}

function Journey({ c }: { c: Context }): JSX.Element {
  const steps: Step[] = [
    ...c.activities.map((act) => ({ at: act.at, act })),
    ...c.feedback.map((said) => ({ at: said.created_at, said })),
  ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, 30);
  return (
    <section class="card" aria-label={t("journey")}>
      <h2>{t("journey")}</h2>
      <ol class="journey">
        {steps.map((s, i) => (
          <li key={i} class={s.said ? (s.said.analysis?.sentiment?.label ?? "none") : "act"}>
            <time dateTime={s.at}>{dateTime(s.at)}</time>
            {s.act && (
              <span>
                <strong>{label("act_", s.act.type)}</strong> <bdi>{s.act.product}</bdi>
                {s.act.amount !== undefined && <> {money(s.act.amount)}</>}
                {s.act.order && <small class="muted"> {s.act.order}</small>}
              </span>
            )}
            {s.said && (
              <span>
                <strong>{term("kind", s.said.kind)}</strong>{" "}
                <Gist f={s.said} /> <MoodOf f={s.said} />
              </span>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Screen({ id, scene }: { id: string; scene: Scene }): JSX.Element {
  const { data, error, loading, reload } = useGet<Context>(`/v1/customers/${encodeURIComponent(id)}/context`);
  const [open, setOpen] = useState<string | null>(null);
  if (error) return <Failure why={error} retry={reload} />;
  if (!data) return loading ? <Busy /> : <></>;
  return (
    <div class="customer-page" data-customer={data.customer.id}>
      <div class="column">
        <Who c={data} scene={scene} />
        <Journey c={data} />
      </div>
      <div class="column">
        <Attention c={data} scene={scene} />
        <section class="card">
          <h2>{t("recentVoice")}</h2>
          {data.feedback.length === 0 && <p class="muted">{t("nothing")}</p>}
          <ul class="rows">
            {data.feedback.map((f) => (
              <Row key={f.id} f={f} onOpen={(r) => setOpen(r.id)} />
            ))}
          </ul>
        </section>
      </div>
      {open && <RecordDrawer id={open} names={scene.names} onClose={() => setOpen(null)} />}
    </div>
  );
}

export function CustomerPage(scene: Scene): JSX.Element {
  const { route } = scene;
  const [found, setFound] = useState<Found[] | null>(null);
  // A number that came in the address is looked up and taken out of it at once: it stays in no
  // bookmark and no history.
  const passed = route.params.phone ?? route.params.email ?? route.params.q ?? "";
  const [given, setGiven] = useState({ text: "", call: 0 });
  useEffect(() => {
    if (!passed) return;
    setGiven((g) => ({ text: passed, call: g.call + 1 })); // the same number may call twice
    refine({ ...route, id: undefined }, { phone: undefined, email: undefined, q: undefined });
  }, [passed]);
  return (
    <>
      <header class="page-head">
        <h1>{t("customer")}</h1>
        <Search key={given.call} initial={given.text} onFound={setFound} />
      </header>
      {!route.id && !found && <p class="muted">{t("findWhy")}</p>}
      {found && found.length > 1 && !route.id && <Choice found={found} />}
      {route.id && <Screen key={route.id} id={route.id} scene={scene} />}
    </>
  );
}
