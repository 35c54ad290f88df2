// One filter for lists and trends: the daemon's own language in a box, and menus that write it.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { query } from "./api";
import { dateIn, today } from "./format";
import { useGet } from "./hooks";
import { t, term, terms, type Key } from "./i18n";
import { Field, Select } from "./parts";
import { refine } from "./route";
import type { Scene } from "./scene";
import type { Trend, Vocabulary } from "./types";
import { all, equal } from "./where";

export interface Period {
  from?: string;
  to?: string;
}

const PERIODS: Record<string, number> = { "1d": 0, "7d": -6, "14d": -13, "28d": -27, "90d": -89 };

/** The period the address names, as dates of the workspace's zone; `to` is exclusive. */
export function periodOf(params: Record<string, string>, zone: string, standard: string): Period {
  if (params.from || params.to) return { from: params.from, to: params.to };
  const days = PERIODS[params.period ?? standard] ?? PERIODS[standard] ?? 0;
  return { from: today(zone, days), to: today(zone, 1) };
}

/** `to` is exclusive in the address, as in the API; people read "until the 22nd" with the 22nd in it. */
export function PeriodPicker({ scene, standard }: { scene: Scene; standard: string }): JSX.Element {
  const { route, zone } = scene;
  const custom = Boolean(route.params.from || route.params.to);
  const p = periodOf(route.params, zone, standard);
  const first = dateIn(zone, p.from);
  const last = dateIn(zone, p.to, -1, true);
  const options = Object.keys(PERIODS).map((k): [string, string] => [k, t(`period_${k}` as Key)]);
  return (
    <>
      <Select
        label={t("period")}
        value={custom ? "custom" : (route.params.period ?? standard)}
        options={[...options, ["custom", t("custom")]]}
        onChange={(v) =>
          refine(route, v === "custom" ? { from: p.from, to: p.to } : { period: v, from: undefined, to: undefined })
        }
      />
      {custom && (
        <>
          <Field label={t("from")}>
            <input type="date" value={first} max={last || undefined}
              onChange={(e) => refine(route, { from: e.currentTarget.value || undefined })} />
          </Field>
          <Field label={t("to")}>
            <input type="date" value={last} min={first || undefined}
              onChange={(e) => refine(route, { to: dateIn(zone, e.currentTarget.value, 1) || undefined })} />
          </Field>
        </>
      )}
    </>
  );
}

// Fields whose values the menus offer: closed vocabularies, segments, and what the data holds.
const CLOSED: Partial<Record<string, keyof Vocabulary>> = {
  sentiment: "sentiment", category: "category", type: "type", signal: "signal", kind: "kind", stage: "stage",
};
const FIELDS: [string, Key][] = [
  ["sentiment", "sentiment"], ["category", "category"], ["signal", "signal"], ["type", "type"],
  ["segment", "segment"], ["kind", "kind"], ["product", "productName"], ["team", "team"],
  ["agent", "agentName"], ["vendor", "vendor"], ["channel", "channel"], ["source", "source"],
  ["stage", "stage"],
];
export const SPLITS = FIELDS;

export function keyName(field: string, key: string, scene: Scene): string {
  if (!key) return t("unassigned");
  const kind = CLOSED[field];
  if (kind) return term(kind, key);
  if (field === "segment") return scene.names.get(key) ?? key;
  return key;
}

function useValues(field: string, scene: Scene): string[] {
  const open = field !== "" && !CLOSED[field] && field !== "segment" && scene.session.role !== "agent";
  const { data, stale } = useGet<Trend>(
    open ? query("/v1/trends", { measure: "count", by: field, from: today(scene.zone, -89), to: today(scene.zone, 1) }) : null,
  );
  const kind = CLOSED[field];
  if (kind) return terms(kind).map((entry) => entry.code).filter((c) => c !== "none");
  if (field === "segment") return scene.segments.map((s) => s.code);
  return stale ? [] : (data?.series ?? []).map((s) => s.key).filter(Boolean);
}

export function FilterBox({ scene, where, children }: {
  scene: Scene;
  where: string;
  children?: JSX.Element;
}): JSX.Element {
  const [text, setText] = useState(where);
  const [field, setField] = useState("");
  const values = useValues(field, scene);
  useEffect(() => setText(where), [where]);
  const apply = (next: string) => refine(scene.route, { where: next.trim() || undefined });
  return (
    <form
      class="filter"
      onSubmit={(e) => {
        e.preventDefault();
        apply(text);
      }}
    >
      {children}
      <Field label={t("add")}>
        <span class="pair">
          <select aria-label={t("add")} value={field} onChange={(e) => setField(e.currentTarget.value)}>
            <option value="">–</option>
            {FIELDS.map(([code, key]) => <option key={code} value={code}>{t(key)}</option>)}
          </select>
          <select
            aria-label={t("value")}
            value=""
            disabled={!field}
            onChange={(e) => {
              const v = e.currentTarget.value;
              if (v) apply(all(text, equal(field, v)));
            }}
          >
            <option value="">–</option>
            {values.map((v) => <option key={v} value={v}>{keyName(field, v, scene)}</option>)}
          </select>
        </span>
      </Field>
      <label class="field wide">
        <span>{t("filter")}</span>
        <input value={text} placeholder={t("filterHint")} spellcheck={false} maxLength={4096}
          onInput={(e) => setText(e.currentTarget.value)} />
      </label>
      <button type="submit" class="primary">{t("apply")}</button>
      {where && <button type="button" onClick={() => apply("")}>{t("clear")}</button>}
    </form>
  );
}
