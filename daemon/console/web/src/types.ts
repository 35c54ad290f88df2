// What the API answers, as far as the console reads it (daemon/api/openapi.json).

export type Role = "ingest" | "agent" | "supervisor" | "quality" | "admin";
export type Sentiment = "none" | "negative" | "neutral" | "positive";
export type Lang = "ko" | "en";

export interface Session {
  role: Role;
  workspace: string;
  workspace_name: string;
  name: string;
  timezone?: string;
  csrf: string;
  expires_at: string;
}

export interface Term {
  code: string;
  ko: string;
  en: string;
}
export type Vocabulary = Record<
  "kind" | "category" | "category_path" | "type" | "signal" | "sentiment" | "stage" | "role",
  Term[]
>;

export interface Evidence {
  part?: "title" | "text";
  turn?: number;
  cp_start: number;
  cp_end: number;
  text: string;
  entry: string | null;
  weight: number;
  rule: string;
}

export interface CategoryHit {
  code: string;
  sentiment?: Sentiment;
  polarity?: number;
}

export interface Analysis {
  lang: string;
  sentiment: { label: Sentiment; polarity: number; confidence: number } | null;
  categories: CategoryHit[];
  type: string;
  signals: string[];
  keywords?: string[];
  lexicon?: number;
  evidence?: Evidence[];
}

export interface Score {
  value: number;
  scale: number;
}

export interface Turn {
  by: string;
  at?: string;
  text: string;
}

export interface Feedback {
  id: string;
  source: string;
  external_id: string;
  conversation?: string;
  kind: string;
  channel?: string;
  status?: string;
  created_at: string;
  customer?: { id: string };
  title?: string;
  text?: string;
  turns?: Turn[];
  rating?: Score;
  answers?: { csat?: Score; nps?: number | Score; ces?: Score };
  agent?: string;
  team?: string;
  vendor?: string;
  product?: string;
  order?: string;
  stage?: string;
  tags?: string[];
  url?: string;
  attributes?: Record<string, string>;
  experiments?: Record<string, string>;
  segments: string[];
  analysis?: Analysis | null;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Alert {
  id: string;
  rule: string;
  title: string;
  severity: string;
  status: "firing" | "resolved";
  group: Record<string, string>;
  starts_at: string;
  ends_at: string | null;
  measure: string | null; // null: a rule of every match, which has no figures
  value: number | null;
  n: number | null;
  threshold: number | null;
  window: string | null;
  reason: { ko: string; en: string };
  resolved: { value: number; n: number; reason: { ko: string; en: string } } | null;
  examples: string[];
  quotes: string[];
  owner: string | null;
  acknowledgements: { by: string; at: string; owner?: string | null; note?: string | null }[];
}

export interface AlertRule {
  name: string;
  title: string;
  where: string;
}

export interface Figure {
  value: number | null;
  n: number;
  low: number | null;
  high: number | null;
}
export interface Point extends Figure {
  t: string;
}
export interface Series {
  key: string;
  total: Figure;
  points?: Point[];
  previous?: Figure & { points?: Point[] };
}
export interface Trend {
  measure: string;
  by?: string;
  bucket?: string;
  tz: string;
  from: string;
  to: string;
  previous?: { from: string; to: string };
  series: Series[];
}

export interface CustomerFacts {
  id: string;
  name?: string;
  email?: string;
  phone?: string;
  first_seen?: string;
  last_feedback?: string;
  feedback_count: number;
  attributes?: Record<string, string>;
  segments: { code: string; from: string | null; to: string | null; now: boolean }[];
}
export interface Activity {
  source: string;
  external_id: string;
  type: string;
  at: string;
  amount?: number;
  product?: string;
  order?: string;
  attributes?: Record<string, string>;
}
export interface Context {
  customer: CustomerFacts;
  feedback: Feedback[];
  activities: Activity[];
  mood: {
    n: number;
    negative: number;
    neutral: number;
    positive: number;
    last_negative_at?: string | null;
  };
}

export interface Segment {
  code: string;
  title: string;
  where: string;
  members: number;
  retired: boolean;
}

export interface Source {
  source: string;
  connector: string | null;
  state: "waiting" | "polling" | "failing" | "paused" | "receiving" | "sent";
  last_success_at: string | null;
  lag_seconds: number | null;
  last_record_at: string | null;
  silence: { silent: boolean; window: string | null; got: number | null; expected: number | null };
  records: { accepted: number; updated: number; duplicates: number; rejected: number };
  dead_letters: number;
  error: { code: string; detail: string; failed_polls: number } | null;
}

export interface Experiment {
  id: string;
  name?: string;
  measure: string;
  control: string;
  arms: string[];
  unit: string;
  from: string | null;
  to: string | null;
  first_at: string | null;
  declared: boolean;
}
export interface Difference {
  difference: number | null;
  low: number | null;
  high: number | null;
  p: number | null;
}
export interface Summary {
  experiment: string;
  name?: string;
  measure: string;
  control: string;
  unit: string;
  from: string | null;
  to: string | null;
  arms: {
    arm: string;
    assigned: number;
    surveyed: number;
    responded: number;
    records: number;
    measures: Record<string, Figure>;
  }[];
  comparisons: { arm: string; control: string; measures: Record<string, Difference> }[];
  ratio_check: {
    expected: Record<string, number>;
    observed: Record<string, number>;
    p: number;
    passed: boolean;
  };
  in_several_arms: number;
  warnings: { code: string; ko: string; en: string }[];
  verdict: {
    code: "win" | "lose" | "flat" | "inconclusive" | "invalid";
    arm: string | null;
    measure: string;
    ko: string;
    en: string;
  };
}
