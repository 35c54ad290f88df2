// Numbers and times as people read them. Times arrive with the offset of the workspace's zone, so
// their text is shown as it stands: every colleague sees the same clock, wherever the browser is.
import { currentLang, t, type Key } from "./i18n";
import type { Figure } from "./types";

const SHARES = new Set(["negative_rate", "positive_rate", "csat", "response_rate", "share", "rating"]);
const NETS = new Set(["nps", "net_sentiment"]);
const COUNTS = new Set(["count", "conversations", "customers"]);

export const SMALL = 30; // below this many answers a figure is shown as a weak one

export function integer(n: number): string {
  return n.toLocaleString(currentLang() === "ko" ? "ko-KR" : "en-US");
}

function fixed(n: number, digits: number): string {
  const text = n.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−"); // no "−0.0"
}

export function value(measure: string, v: number | null): string {
  if (v === null || !Number.isFinite(v)) return "–";
  if (SHARES.has(measure)) return `${fixed(v * 100, 1)}%`;
  if (NETS.has(measure)) return `${v > 0 ? "+" : ""}${fixed(v * 100, 1)}`;
  if (COUNTS.has(measure)) return integer(v);
  return fixed(v, 2);
}

export function interval(measure: string, f: Pick<Figure, "low" | "high">): string {
  if (COUNTS.has(measure)) return "";
  return `${value(measure, f.low)} – ${value(measure, f.high)}`;
}

export function difference(measure: string, now: number | null, before: number | null): string {
  if (now === null || before === null) return "–";
  const d = now - before;
  const sign = d > 0 ? "+" : "";
  if (SHARES.has(measure)) return t("points", { n: `${sign}${fixed(d * 100, 1)}` });
  if (NETS.has(measure)) return `${sign}${fixed(d * 100, 1)}`;
  if (COUNTS.has(measure)) return `${sign}${integer(d)}`.replace("-", "−");
  return `${sign}${fixed(d, 2)}`;
}

export function isCount(measure: string): boolean {
  return COUNTS.has(measure);
}
export function isShare(measure: string): boolean {
  return SHARES.has(measure);
}
export function isNet(measure: string): boolean {
  return NETS.has(measure);
}

/** Whether two figures differ beyond their intervals: only then is a move worth a colour. */
export function apart(a: Figure, b: Figure): boolean {
  if (a.low === null || a.high === null || b.low === null || b.high === null) return false;
  return a.low > b.high || a.high < b.low;
}

/** "worse" or "better" for a clear move, "" for one that may be chance or means neither. */
export function verdict(measure: string, now: Figure, before: Figure): string {
  const worse = worseWhenMore(measure);
  if (worse === null || isCount(measure) || !apart(now, before)) return "";
  return (now.value ?? 0) > (before.value ?? 0) === worse ? "worse" : "better";
}

/** Whether more of it is worse; null: neither. */
export function worseWhenMore(measure: string): boolean | null {
  if (measure === "negative_rate" || measure === "ces") return true;
  return COUNTS.has(measure) || measure === "share" ? null : false;
}

/** null: a rule that fires on every match measures nothing. */
export function measureName(measure: string | null): string {
  return t((measure ?? "each") as Key);
}

export function clock(time: string): string {
  return time.slice(11, 16);
}
export function date(time: string): string {
  const [, month = "", day = ""] = time.slice(0, 10).split("-");
  return currentLang() === "ko" ? `${+month}월 ${+day}일` : `${month}-${day}`;
}
export function dateTime(time: string): string {
  return `${date(time)} ${clock(time)}`;
}
const DAYS = { ko: "일월화수목금토", en: "SMTWTFS" };
export function weekday(time: string): string {
  const [y = 0, m = 1, d = 1] = time.slice(0, 10).split("-").map(Number);
  return DAYS[currentLang()][new Date(Date.UTC(y, m - 1, d)).getUTCDay()] ?? "";
}

/** Today's date in the workspace's zone, moved by `days`. */
export function today(zone: string, days = 0): string {
  const text = new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date());
  const [y = 0, m = 1, d = 1] = text.split("-").map(Number);
  return new Date(Date.UTC(y, m - 1, d + days)).toISOString().slice(0, 10);
}

/** The date an address names, in the workspace's zone, moved by `days`: "2026-11-22" as it is, an
 * instant by the clock there, one that ends a period by its last moment. */
export function dateIn(zone: string, text: string | undefined, days = 0, ends = false): string {
  const plain = /^\d{4}-\d\d-\d\d$/.test(text ?? "");
  const at = Date.parse(plain ? `${text}T00:00:00Z` : (text ?? ""));
  if (!Number.isFinite(at)) return "";
  if (plain) return new Date(at + days * 86400000).toISOString().slice(0, 10);
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(at - (ends ? 1 : 0)));
}

export function ago(time: string): string {
  const minutes = Math.floor((Date.now() - Date.parse(time)) / 60000);
  const ko = currentLang() === "ko";
  if (minutes < 1) return ko ? "방금" : "now";
  if (minutes < 60) return ko ? `${minutes}분 전` : `${minutes} min`;
  if (minutes < 24 * 60) return ko ? `${Math.floor(minutes / 60)}시간 전` : `${Math.floor(minutes / 60)} h`;
  return date(time);
}

/** +82 10 1234 5678 as people here write it, masked or not; other numbers as they are. */
export function phone(number: string): string {
  const m = /^\+82(2|1\d|[3-7]\d|\d{2,3})(.{3,4})(.{4})$/.exec(number);
  return m ? `0${m[1]}-${m[2]}-${m[3]}` : number;
}

export function money(amount: number): string {
  return currentLang() === "ko" ? `${integer(amount)}원` : `₩${integer(amount)}`;
}
