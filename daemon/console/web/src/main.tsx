// Boot: session, vocabulary, the frame around the pages, and which page.
import { render } from "preact";
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { AlertsPage, byUrgency } from "./alerts";
import { ask, currentSession, Problem, signIn, signOut, whenSignedOut } from "./api";
import { CustomerPage } from "./customer";
import { ExperimentsPage } from "./experiments";
import { FeedbackPage } from "./feedback";
import { said, streamStart, streamStop, useCalm, useGet, useStream } from "./hooks";
import { currentLang, setLang, setVocabulary, t, term, type Key } from "./i18n";
import { LivePage } from "./live";
import { Busy, Failure, Guard } from "./parts";
import { href, useRoute } from "./route";
import type { Scene } from "./scene";
import { SourcesPage } from "./sources";
import { TrendsPage } from "./trends";
import type { Alert, AlertRule, Lang, Page, Role, Segment, Session, Vocabulary } from "./types";

type PageName = "live" | "alerts" | "customer" | "feedback" | "trends" | "experiments" | "sources";
const pages: Record<PageName, { roles: Role[]; icon: string; view: (s: Scene) => JSX.Element }> = {
  live: { roles: ["supervisor", "quality", "agent", "admin"], icon: "◉", view: LivePage },
  alerts: { roles: ["supervisor", "quality", "admin"], icon: "▲", view: AlertsPage },
  customer: { roles: ["agent", "supervisor", "quality", "admin"], icon: "☎", view: CustomerPage },
  feedback: { roles: ["agent", "supervisor", "quality", "admin"], icon: "≡", view: FeedbackPage },
  trends: { roles: ["quality", "supervisor", "admin"], icon: "∿", view: TrendsPage },
  experiments: { roles: ["quality", "supervisor", "admin"], icon: "⚖", view: ExperimentsPage },
  sources: { roles: ["supervisor", "quality", "admin"], icon: "⇊", view: SourcesPage },
};
const order: Record<Role, PageName[]> = {
  agent: ["customer", "live", "feedback"],
  supervisor: ["live", "alerts", "customer", "feedback", "trends", "experiments", "sources"],
  quality: ["trends", "feedback", "experiments", "alerts", "live", "customer", "sources"],
  admin: ["live", "alerts", "customer", "feedback", "trends", "experiments", "sources"],
  ingest: [],
};

// --- what the browser remembers: language and brightness, nothing else ---

function kept(key: string): string | null {
  try {
    return localStorage.getItem(`vocd.${key}`);
  } catch {
    return null;
  }
}
function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`vocd.${key}`, value);
  } catch {
    /* a browser that keeps nothing still works */
  }
}

type Theme = "auto" | "light" | "dark";
function applyTheme(theme: Theme): void {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
}

function Preferences({ onLang }: { onLang: (lang: Lang) => void }): JSX.Element {
  const [theme, setTheme] = useState<Theme>((kept("theme") as Theme | null) ?? "auto");
  const choose = (next: Theme) => {
    setTheme(next);
    keep("theme", next);
    applyTheme(next);
  };
  return (
    <div class="preferences">
      <select
        aria-label={t("theme")}
        value={theme}
        onChange={(e) => choose(e.currentTarget.value as Theme)}
      >
        <option value="auto">{t("themeAuto")}</option>
        <option value="light">{t("themeLight")}</option>
        <option value="dark">{t("themeDark")}</option>
      </select>
      <select
        aria-label={t("language")}
        value={currentLang()}
        onChange={(e) => onLang(e.currentTarget.value as Lang)}
      >
        <option value="ko">한국어</option>
        <option value="en">English</option>
      </select>
    </div>
  );
}

// --- sign-in ---

function refusal(e: unknown): string {
  if (!(e instanceof Problem)) return String(e);
  if (e.status === 401) return t("tokenWrong");
  if (e.status === 403) return t("tokenMachine");
  if (e.status === 429) return t("tooMany");
  return said(e);
}

function SignIn({ ended, onLang, onSession }: {
  ended: boolean;
  onLang: (lang: Lang) => void;
  onSession: (s: Session) => void;
}): JSX.Element {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError("");
    try {
      onSession(await signIn(token.trim()));
    } catch (x) {
      setError(refusal(x));
      setBusy(false);
    }
  };
  return (
    <main class="signin">
      <form onSubmit={submit} class="card">
        <h1>
          <span class="brand">vocd</span> {t("product")}
        </h1>
        {ended && !error && <p class="notice" role="status">{t("sessionEnded")}</p>}
        <label class="field" for="token">
          <span>{t("token")}</span>
        </label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          autofocus
          value={token}
          aria-describedby="token-hint"
          onInput={(e) => setToken(e.currentTarget.value)}
        />
        <p id="token-hint" class="muted">{t("tokenHint")}</p>
        {error && <p class="notice bad" role="alert">{error}</p>}
        <button type="submit" class="primary" disabled={busy || !token.trim()}>
          {t("signIn")}
        </button>
        <Preferences onLang={onLang} />
      </form>
    </main>
  );
}

// --- the frame ---

function Nav({ role, page, firing }: { role: Role; page: PageName; firing: number }): JSX.Element {
  return (
    <nav aria-label={t("menu")}>
      <ul>
        {order[role].map((name) => (
          <li key={name}>
            <a href={href(name)} aria-current={name === page ? "page" : undefined}>
              <span class="nav-icon" aria-hidden="true">{pages[name].icon}</span>
              <span>{t(name as Key)}</span>
              {name === "alerts" && firing > 0 && <span class="badge">{firing}</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function useAlerts(role: Role): { alerts: Alert[]; reload: () => void; latest: Alert | null } {
  const sees = role !== "ingest"; // agents too: an incident explains why somebody calls
  const { data, reload } = useGet<Page<Alert>>(sees ? "/v1/alerts?status=firing&limit=100" : null);
  const [latest, setLatest] = useState<Alert | null>(null);
  const calmly = useCalm(1000, reload);
  useStream({
    alert: (a) => {
      if (sees) calmly();
      if (a.status === "firing") setLatest(a);
    },
    state: (open) => {
      if (open && sees) reload(); // what came while the line was down
    },
  });
  const alerts = useMemo(() => [...(data?.items ?? [])].sort(byUrgency), [data]);
  return { alerts, reload, latest };
}

function Frame({ session, onLang, onOut }: {
  session: Session;
  onLang: (lang: Lang) => void;
  onOut: () => Promise<void>;
}): JSX.Element {
  const route = useRoute();
  const segments = useGet<Page<Segment>>("/v1/segments");
  const { alerts, reload, latest } = useAlerts(session.role);
  const rules = useGet<Page<AlertRule>>("/v1/alert-rules");
  const [trouble, setTrouble] = useState("");
  const connected = useStream({
    // Another tab may have signed in as somebody else: then all of this page is his.
    state: (open) => {
      if (open)
        currentSession().then((s) => s && s.csrf !== session.csrf && location.reload(), () => {});
    },
  });
  const names = useMemo(
    () => new Map((segments.data?.items ?? []).map((s) => [s.code, s.title])),
    [segments.data],
  );
  const allowed = order[session.role];
  const page = (allowed.includes(route.page as PageName) ? route.page : allowed[0]) as PageName;
  const View = pages[page].view;
  useEffect(() => {
    document.title = `${alerts.length ? `(${alerts.length}) ` : ""}${t(page as Key)} · vocd`;
  }, [page, alerts.length]);
  const scene: Scene = {
    session,
    route,
    zone: session.timezone ?? "Asia/Seoul",
    segments: segments.data?.items ?? [],
    names,
    alerts,
    rules: rules.data?.items ?? [],
    reloadAlerts: reload,
  };
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        document.getElementById("main")?.focus();
      }}>{t("skip")}</a>
      <header class="top">
        <span class="brand">vocd</span>
        <span class="workspace"><bdi>{session.workspace_name}</bdi></span>
        <span class={`line ${connected ? "on" : "off"}`} role="status">
          {connected ? t("connected") : t("connecting")}
        </span>
        <span class="spring" />
        <Preferences onLang={onLang} />
        <span class="who">{session.name} · {term("role", session.role)}</span>
        <button type="button" onClick={() => onOut().catch((e) => setTrouble(said(e)))}>{t("signOut")}</button>
      </header>
      <Nav role={session.role} page={page} firing={alerts.length} />
      <main id="main" tabIndex={-1} data-page={page}>
        {trouble && <Failure why={trouble} />}
        <Guard key={page}>
          <View {...scene} />
        </Guard>
      </main>
      <div class="sr-only" role="alert">
        {latest && t("newAlert", { t: [latest.title, ...Object.values(latest.group)].join(" · ") })}
      </div>
    </div>
  );
}

function App(): JSX.Element {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [ready, setReady] = useState(false);
  const [ended, setEnded] = useState(false);
  const [error, setError] = useState("");
  const [, setTongue] = useState<Lang>(currentLang());
  const onLang = useCallback((lang: Lang) => {
    keep("lang", lang);
    setLang(lang);
    setTongue(lang);
  }, []);
  const enter = useCallback(async (s: Session) => {
    setVocabulary(await ask<Vocabulary>("/v1/vocabulary"));
    streamStart();
    setEnded(false);
    setSession(s);
    setReady(true);
  }, []);
  const leave = useCallback((byItself: boolean) => {
    streamStop();
    setEnded(byItself);
    setSession(null);
    setReady(false);
  }, []);
  useEffect(() => {
    whenSignedOut(() => leave(true));
    currentSession()
      .then((s) => (s ? enter(s) : setSession(null)))
      .catch((e) => setError(said(e)));
  }, []);
  if (error) return <main class="signin"><Failure why={error} retry={() => location.reload()} /></main>;
  if (session === undefined) return <main class="signin"><Busy /></main>;
  if (session === null || !ready) return <SignIn ended={ended} onLang={onLang} onSession={enter} />;
  const out = () => signOut().then(() => leave(false));
  return <Frame session={session} onLang={onLang} onOut={out} />;
}

/** Korean, unless the reader chose English or has a browser that speaks English and no Korean. */
function firstLang(): Lang {
  const spoken = navigator.languages.map((l) => l.slice(0, 2));
  const wanted = kept("lang") ?? (!spoken.includes("ko") && spoken[0] === "en" ? "en" : "ko");
  return wanted === "en" ? "en" : "ko";
}
setLang(firstLang());
applyTheme((kept("theme") as Theme | null) ?? "auto");
const root = document.getElementById("app")!;
root.replaceChildren(); // the name that stood there while this script came
render(<App />, root);
