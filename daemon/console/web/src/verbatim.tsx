// What a customer wrote, safely: as text only, isolated from the direction of its neighbours,
// without invisible controls, and with the evidence of its analysis marked in place.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { integer } from "./format";
import { label, t, term } from "./i18n";
import type { Evidence, Feedback } from "./types";

const LONG = 1200; // code points shown before one asks for the rest

// Characters that reorder or hide text: one visible mark for each, so that offsets stay.
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/g;

function visible(text: string): string {
  return text.replace(CONTROLS, "▯");
}

interface Mark {
  start: number;
  end: number;
  weight: number;
  topic: boolean;
  title: string;
}

function isTopic(rule: string): boolean {
  return /^(category|type|signal|pii)/.test(rule);
}

export function ruleName(rule: string): string {
  const [head = "", code] = rule.split(":", 2);
  const kinds = { category: "category", type: "type", signal: "signal" } as const;
  if (code && head in kinds) {
    const kind = head as keyof typeof kinds;
    return `${t(kind)}: ${term(kind, code)}`;
  }
  return label("rule_", head);
}

/** Evidence as marks that do not overlap: where several lie over each other, their weights add. */
function marksOf(evidence: Evidence[], points: string[]): Mark[] {
  const sound = evidence.filter(
    (e) => e.cp_end > e.cp_start && points.slice(e.cp_start, e.cp_end).join("") === e.text,
  );
  const edges = [...new Set(sound.flatMap((e) => [e.cp_start, e.cp_end]))].sort((a, b) => a - b);
  const marks: Mark[] = [];
  for (let i = 0; i + 1 < edges.length; i++) {
    const start = edges[i]!, end = edges[i + 1]!;
    const over = sound.filter((e) => e.cp_start <= start && e.cp_end >= end);
    if (over.length === 0) continue;
    const weight = over.filter((e) => !isTopic(e.rule)).reduce((sum, e) => sum + e.weight, 0);
    const title = [...new Set(over.map((e) => ruleName(e.rule)))].join(", ");
    const topic = over.some((e) => isTopic(e.rule));
    const last = marks[marks.length - 1];
    if (last && last.end === start && last.title === title && last.topic === topic) {
      last.end = end;
      last.weight = Math.abs(weight) > Math.abs(last.weight) ? weight : last.weight;
    } else {
      marks.push({ start, end, weight, topic, title });
    }
  }
  return marks;
}

function tone(weight: number): string {
  if (Math.abs(weight) < 0.25) return "";
  const strength = Math.abs(weight) >= 1 ? " hard" : "";
  return (weight < 0 ? "negative" : "positive") + strength;
}

export function Verbatim({ text, evidence, lines }: {
  text: string;
  evidence?: Evidence[];
  lines?: number;
}): JSX.Element {
  const [whole, setWhole] = useState(false);
  const points = Array.from(text);
  const cut = !whole && points.length > LONG;
  const shown = cut ? points.slice(0, LONG) : points;
  const pieces: (string | JSX.Element)[] = [];
  let at = 0;
  for (const m of evidence ? marksOf(evidence, points) : []) {
    if (m.start >= shown.length) break;
    const end = Math.min(m.end, shown.length);
    pieces.push(visible(shown.slice(at, m.start).join("")));
    pieces.push(
      <mark key={m.start} class={`${tone(m.weight)}${m.topic ? " topic" : ""}`} title={m.title}>
        {visible(shown.slice(m.start, end).join(""))}
      </mark>,
    );
    at = end;
  }
  pieces.push(visible(shown.slice(at).join("")));
  return (
    <>
      <bdi dir="auto" class={`verbatim${lines ? " clamp" : ""}`} style={lines ? { WebkitLineClamp: lines } : undefined}>
        {pieces}
        {cut && "…"}
      </bdi>
      {cut && !lines && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          {t("showAll")} ({integer(points.length)})
        </button>
      )}
    </>
  );
}

/** One line for lists: the title, the text, or what the customer said first. */
export function gist(f: Feedback): string {
  const said = f.turns?.find((turn) => turn.by === "customer") ?? f.turns?.[0];
  return [f.title, f.text ?? said?.text].filter(Boolean).join(" — ");
}
