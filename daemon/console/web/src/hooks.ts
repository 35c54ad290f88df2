// Loading and the live stream, as components use them.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, Problem } from "./api";
import { t } from "./i18n";
import type { Alert, Feedback } from "./types";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
  loading: boolean;
  stale: boolean; // data is the answer to what was asked before
  reload: () => void;
}

export function said(e: unknown): string {
  if (e instanceof Problem) return e.status === 0 ? t("unreachable") : e.message;
  return String(e);
}

interface Got<T> {
  of: string | null; // whose answer data is
  data: T | null;
  error: string | null;
  loading: boolean;
}

/** GETs `path` whenever it changes (null: not yet). What was there stays, as stale, until the next
 * is, but not when that fails: no figure stands under a question it does not answer. */
export function useGet<T>(path: string | null): Loaded<T> {
  const [state, setState] = useState<Got<T>>({ of: null, data: null, error: null, loading: path !== null });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    if (path === null) {
      setState({ of: null, data: null, error: null, loading: false });
      return;
    }
    const stop = new AbortController();
    setState((s) => ({ ...s, loading: true }));
    ask<T>(path, { signal: stop.signal }).then(
      (data) => {
        if (!stop.signal.aborted) setState({ of: path, data, error: null, loading: false });
      },
      (e) => {
        if (stop.signal.aborted) return;
        setState((s) => ({ of: path, data: s.of === path ? s.data : null, error: said(e), loading: false }));
      },
    );
    return () => stop.abort();
  }, [path, turn]);
  const { of, ...shown } = state;
  return { ...shown, stale: of !== path, reload };
}

/** `fn`, at once and then at most every `ms`, the last call never lost: a storm of events asks now
 * and then, instead of cutting off its own question again and again. */
export function useCalm(ms: number, fn: () => void): () => void {
  const latest = useRef(fn);
  latest.current = fn;
  const wait = useRef<{ id?: ReturnType<typeof setTimeout>; again: boolean }>({ again: false });
  useEffect(() => () => clearTimeout(wait.current.id), []);
  return useCallback(() => {
    const w = wait.current;
    if (w.id !== undefined) {
      w.again = true;
      return;
    }
    const run = () => {
      w.again = false;
      latest.current();
      w.id = setTimeout(() => {
        w.id = undefined;
        if (w.again) run();
      }, ms);
    };
    run();
  }, [ms]);
}

/** Calls `fn` every `ms`, but not while nobody looks. */
export function useEvery(ms: number, fn: () => void): void {
  const latest = useRef(fn);
  latest.current = fn;
  useEffect(() => {
    const id = setInterval(() => {
      if (!document.hidden) latest.current();
    }, ms);
    return () => clearInterval(id);
  }, [ms]);
}

// --- the live stream: one connection for the whole page ---

export interface StreamEvents {
  feedback?: (f: Feedback) => void;
  alert?: (a: Alert) => void;
  state?: (open: boolean) => void;
}

const listeners = new Set<StreamEvents>();
let source: EventSource | null = null;
let open = false;
let retry: ReturnType<typeof setTimeout> | undefined;

function tell(next: boolean): void {
  open = next;
  for (const l of listeners) l.state?.(open);
}

function heard<K extends "feedback" | "alert">(kind: K, text: string): void {
  const item = JSON.parse(text);
  for (const l of listeners) (l[kind] as ((x: unknown) => void) | undefined)?.(item);
}

export function streamStart(): void {
  streamStop();
  const mine = new EventSource("/v1/stream");
  source = mine;
  source.onopen = () => tell(true);
  source.onerror = () => {
    tell(false);
    // The browser comes back by itself, but not after an answer like 503 or 401; asking who we are
    // tells the two apart, and leads to the sign-in where the session has ended.
    if (mine.readyState === EventSource.CLOSED) {
      const again = () => source === mine && streamStart(); // unless signed out meanwhile
      retry = setTimeout(() => ask("/v1/me").then(again, again), 3000);
    }
  };
  source.addEventListener("feedback", (e) => heard("feedback", (e as MessageEvent<string>).data));
  source.addEventListener("alert", (e) => heard("alert", (e as MessageEvent<string>).data));
}

export function streamStop(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
  tell(false);
}

export function useStream(events: StreamEvents): boolean {
  const latest = useRef(events);
  latest.current = events;
  const [state, setState] = useState(open);
  useEffect(() => {
    const l: StreamEvents = {
      feedback: (f) => latest.current.feedback?.(f),
      alert: (a) => latest.current.alert?.(a),
      state: (s) => {
        setState(s);
        latest.current.state?.(s);
      },
    };
    listeners.add(l);
    setState(open); // the line may have come up since the first drawing, before anybody listened
    return () => void listeners.delete(l);
  }, []);
  return state;
}
