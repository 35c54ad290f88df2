// Alerts: what fired, why, in whose words, and who takes care of it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask } from "./api";
import { dateTime, measureName, value } from "./format";
import { said, useCalm, useGet, useStream } from "./hooks";
import { t, term } from "./i18n";
import { Busy, Chip, Failure, Field, Severity } from "./parts";
import { reasonOf, RecordDrawer } from "./record";
import { href, refine } from "./route";
import type { Scene } from "./scene";
import type { Alert, AlertRule, Page } from "./types";
import { Verbatim } from "./verbatim";
import { all, equal } from "./where";

function Acknowledge({ alert, onDone }: { alert: Alert; onDone: () => void }): JSX.Element {
  const [owner, setOwner] = useState(alert.owner ?? "");
  const [note, setNote] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    try {
      const body: Record<string, string> = {};
      if (owner.trim()) body.owner = owner.trim();
      if (note.trim()) body.note = note.trim();
      await ask<void>(`/v1/alerts/${alert.id}/acknowledge`, { method: "POST", body });
      onDone();
    } catch (x) {
      setError(said(x));
      setBusy(false);
    }
  };
  return (
    <form class="ack" onSubmit={submit}>
      <Field label={t("ackOwner")}>
        <input value={owner} maxLength={100} onInput={(e) => setOwner(e.currentTarget.value)} />
      </Field>
      <Field label={t("ackNote")}>
        <input value={note} maxLength={500} onInput={(e) => setNote(e.currentTarget.value)} />
      </Field>
      <button type="submit" class="primary" disabled={busy}>{t("ackSave")}</button>
      {error && <p class="notice bad" role="alert">{error}</p>}
    </form>
  );
}

function History({ alert }: { alert: Alert }): JSX.Element {
  if (alert.acknowledgements.length === 0)
    return alert.status === "firing" ? <p class="unacked">{t("unacknowledged")}</p> : <></>;
  return (
    <ul class="ack-history" aria-label={t("ackHistory")}>
      {alert.acknowledgements.map((a, i) => (
        <li key={i}>
          <span aria-hidden="true">✓</span> <time dateTime={a.at}>{dateTime(a.at)}</time>{" "}
          <strong><bdi>{a.by}</bdi></strong>
          {a.owner && <> → <bdi>{a.owner}</bdi></>}
          {a.note && <> · <bdi dir="auto">{a.note}</bdi></>}
        </li>
      ))}
    </ul>
  );
}

function groupName(field: string, key: string): string {
  if (field === "category" || field === "signal" || field === "kind") return term(field, key);
  return key;
}

const OTHER = "(other)"; // the groups beyond those a rule keeps apart
const UNITS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 7 * 864e5 };

/** The rows it counted: its rule's, of its group, from one window before it began until it ended. */
function rowsOf(alert: Alert, rule: AlertRule | undefined): Record<string, string | undefined> {
  const group = Object.entries(alert.group)
    .filter(([, key]) => key !== OTHER)
    .map(([field, key]) => equal(field, key));
  const [, n = "1", unit = "h"] = /^(\d+)([smhdw])$/.exec(alert.window ?? "") ?? [];
  const from = new Date(Date.parse(alert.starts_at) - Number(n) * UNITS[unit]!).toISOString();
  return { where: all(rule?.where, ...group) || undefined, from, to: alert.ends_at ?? undefined };
}

const RANK: Record<string, number> = { critical: 0, warning: 1 };

/** What burns first, then what is newest. */
export function byUrgency(a: Alert, b: Alert): number {
  const rank = (x: Alert) => (x.status === "firing" ? (RANK[x.severity] ?? 2) : 3);
  return rank(a) - rank(b) || Date.parse(b.starts_at) - Date.parse(a.starts_at);
}

export function AlertCard({ alert, names, rules, brief, onChange }: {
  alert: Alert;
  names: Map<string, string>;
  rules: AlertRule[];
  brief?: boolean;
  onChange: () => void;
}): JSX.Element {
  const [acking, setAcking] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const firing = alert.status === "firing";
  const rule = rules.find((r) => r.name === alert.rule);
  return (
    <article class={`card alert ${firing ? alert.severity : "resolved"}`}>
      <header>
        <Severity of={alert.severity} />
        <h2>{alert.title}</h2>
        {Object.entries(alert.group).map(([field, key]) => (
          <Chip key={field} tone="group">{groupName(field, key)}</Chip>
        ))}
        <span class="spring" />
        <span class="by">
          {firing
            ? t("since", { t: dateTime(alert.starts_at) })
            : t("resolvedAt", { t: alert.ends_at ? dateTime(alert.ends_at) : "" })}
        </span>
      </header>
      <p class="reason">{reasonOf(firing || !alert.resolved ? alert.reason : alert.resolved.reason)}</p>
      {alert.quotes.length > 0 && (
        <ul class="quotes" aria-label={t("examples")}>
          {alert.quotes.slice(0, brief ? 2 : 5).map((q, i) => (
            <li key={i}>
              {alert.examples[i] ? (
                <button type="button" class="quote" onClick={() => setOpen(alert.examples[i]!)}>
                  <Verbatim text={q} lines={2} />
                </button>
              ) : (
                <Verbatim text={q} lines={2} />
              )}
            </li>
          ))}
        </ul>
      )}
      <History alert={alert} />
      <footer>
        {!brief && (
          <span class="by">
            {measureName(alert.measure)}
            {alert.measure && ` ${value(alert.measure, alert.value)} · n=${alert.n} · ${alert.window}`} ·{" "}
            {t("rule")} {alert.rule}
          </span>
        )}
        <span class="spring" />
        <a class="button" href={href("feedback", rowsOf(alert, rule))}>{t("seeRows")}</a>
        {firing && (
          <button type="button" class={alert.acknowledgements.length ? "" : "primary"} aria-expanded={acking}
            onClick={() => setAcking(!acking)}>
            {t("acknowledge")}
          </button>
        )}
      </footer>
      {acking && (
        <Acknowledge
          alert={alert}
          onDone={() => {
            setAcking(false);
            onChange();
          }}
        />
      )}
      {open && <RecordDrawer id={open} names={names} onClose={() => setOpen(null)} />}
    </article>
  );
}

export function AlertsPage(scene: Scene): JSX.Element {
  const status = scene.route.params.status ?? "";
  const { data, error, loading, reload } = useGet<Page<Alert>>(
    `/v1/alerts?limit=200${status ? `&status=${encodeURIComponent(status)}` : ""}`,
  );
  useStream({ alert: useCalm(1000, reload) });
  const change = () => {
    reload();
    scene.reloadAlerts();
  };
  const tabs: [string, string][] = [["", t("all")], ["firing", t("open")], ["resolved", t("closed")]];
  return (
    <>
      <header class="page-head">
        <h1>{t("alerts")}</h1>
        <div class="tabs" role="group" aria-label={t("filter")}>
          {tabs.map(([code, text]) => (
            <button key={code} type="button" aria-pressed={status === code}
              onClick={() => refine(scene.route, { status: code || undefined })}>
              {text}
            </button>
          ))}
        </div>
      </header>
      {error && <Failure why={error} retry={reload} />}
      {loading && !data && <Busy />}
      {data?.items.length === 0 && <p class="muted">{t("noOpenAlerts")}</p>}
      {[...(data?.items ?? [])].sort(byUrgency).map((a) => (
        <AlertCard key={a.id} alert={a} names={scene.names} rules={scene.rules} onChange={change} />
      ))}
    </>
  );
}

