// The one place that talks to the daemon. Same origin only; the session cookie is the browser's.
import type { Session } from "./types";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail || code);
  }
}

let csrf = "";
let onSignedOut: () => void = () => {};

export function whenSignedOut(fn: () => void): void {
  onSignedOut = fn;
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const body = await answer.json();
    const code = String(body.type ?? "").split(":").pop() ?? "";
    return new Problem(answer.status, code, body.detail ?? body.title ?? "");
  } catch {
    return new Problem(answer.status, "http", answer.statusText);
  }
}

interface Ask {
  method?: string;
  body?: unknown;
  signal?: AbortSignal;
}

export async function ask<T>(path: string, { method, body, signal }: Ask = {}): Promise<T> {
  const verb = method ?? (body === undefined ? "GET" : "POST");
  const headers: Record<string, string> = { Accept: "application/json" };
  if (verb !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: verb,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal,
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new Problem(0, "unreachable", "");
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (problem.status === 401 && path !== "/console/session") onSignedOut();
    throw problem;
  }
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

export function query(path: string, params: Record<string, string | undefined>): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value) q.set(key, value);
  const text = q.toString();
  return text ? `${path}?${text}` : path;
}

function began(session: Session): Session {
  csrf = session.csrf;
  return session;
}

export async function signIn(token: string): Promise<Session> {
  return began(await ask<Session>("/console/session", { body: { token } }));
}

export async function currentSession(): Promise<Session | null> {
  try {
    return began(await ask<Session>("/console/session"));
  } catch (e) {
    if (e instanceof Problem && e.status === 401) return null;
    throw e;
  }
}

/** Throws when the session is still there: nobody is told he is out while the browser holds the key. */
export async function signOut(): Promise<void> {
  const end = () => ask<void>("/console/session", { method: "DELETE" });
  try {
    await end();
  } catch (e) {
    // Another tab signed in since, so the session is not the one this page knows.
    if (!(e instanceof Problem && e.code === "csrf") || !(await currentSession())) throw e;
    await end();
  }
  csrf = "";
}
