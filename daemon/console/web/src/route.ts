// Where we are lives in the address after '#': #/trends?measure=csat. Nothing of it is ever sent to
// a server, and every view can be bookmarked or handed to a colleague.
import { useEffect, useState } from "preact/hooks";

export interface Route {
  page: string;
  id?: string;
  params: Record<string, string>;
}

export function parseRoute(hash: string): Route {
  const [path, search] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, id] = (path ?? "").split("/", 2);
  const params: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(search ?? "")) params[key] = value;
  return { page: page ?? "", id: id ? decode(id) : undefined, params };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function href(page: string, params: Record<string, string | undefined> = {}, id?: string): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value) q.set(key, value);
  const text = q.toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

export function go(page: string, params?: Record<string, string | undefined>, id?: string): void {
  location.hash = href(page, params, id);
}

/** The same page with other parameters, without a new entry in the history. */
export function refine(route: Route, changes: Record<string, string | undefined>): void {
  const next = href(route.page, { ...route.params, ...changes }, route.id);
  history.replaceState(null, "", next);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const change = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return route;
}
