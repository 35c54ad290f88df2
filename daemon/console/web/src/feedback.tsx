// The verbatims behind any number: filtered, searched, page by page, and as CSV.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, query } from "./api";
import { FilterBox, periodOf, PeriodPicker } from "./filter";
import { integer } from "./format";
import { said } from "./hooks";
import { t } from "./i18n";
import { Busy, Failure } from "./parts";
import { RecordDrawer, Row } from "./record";
import { refine } from "./route";
import type { Scene } from "./scene";
import type { Feedback, Page } from "./types";

function usePages(path: string): {
  items: Feedback[]; next: string | null; error: string; loading: boolean; more: () => void } {
  const [items, setItems] = useState<Feedback[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState("");
  const [loading, setLoading] = useState(true);
  const asked = useRef<AbortController | null>(null); // for this path; a page of another comes too late
  const load = (cursor: string | null, before: Feedback[]) => {
    const signal = asked.current?.signal;
    setLoading(true);
    const at = cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path;
    ask<Page<Feedback>>(at, { signal }).then(
      (page) => {
        if (signal?.aborted) return;
        setItems([...before, ...page.items]);
        setNext(page.next_cursor);
        setError("");
        setLoading(false);
      },
      (e) => {
        if (signal?.aborted) return;
        setError(said(e));
        setLoading(false);
      },
    );
  };
  useEffect(() => {
    const stop = new AbortController();
    asked.current = stop;
    setItems([]);
    setNext(null);
    load(null, []);
    return () => stop.abort();
  }, [path]);
  return { items, next, error, loading, more: () => load(next, items) };
}

export function FeedbackPage(scene: Scene): JSX.Element {
  const { route, zone } = scene;
  const { where, q } = route.params;
  const period = periodOf(route.params, zone, "28d");
  const params = { where, q, ...period };
  const { items, next, error, loading, more } = usePages(query("/v1/feedback", { ...params, limit: "50" }));
  const [words, setWords] = useState(q ?? "");
  const [open, setOpen] = useState<string | null>(null);
  useEffect(() => setWords(q ?? ""), [q]);
  return (
    <>
      <header class="page-head">
        <h1>{t("feedback")}</h1>
        <form
          class="find"
          role="search"
          onSubmit={(e) => {
            e.preventDefault();
            refine(route, { q: words.trim() || undefined });
          }}
        >
          <label for="words" class="sr-only">{t("search")}</label>
          <input id="words" value={words} placeholder={t("search")} maxLength={200}
            onInput={(e) => setWords(e.currentTarget.value)} />
          <button type="submit">{t("find")}</button>
        </form>
      </header>
      <FilterBox scene={scene} where={where ?? ""}>
        <PeriodPicker scene={scene} standard="28d" />
      </FilterBox>
      {error && <Failure why={error} />}
      <section class="card">
        <header class="feed-head">
          <h2>{t("shown", { n: `${integer(items.length)}${next ? "+" : ""}` })}</h2>
          <span class="spring" />
          <a class="button" download href={query("/v1/feedback", { ...params, limit: "10000", format: "csv" })}>
            {t("csv")}
          </a>
        </header>
        {!loading && !error && items.length === 0 && <p class="muted">{t("nothing")}</p>}
        <ul class="rows">
          {items.map((f) => <Row key={f.id} f={f} names={scene.names} onOpen={(r) => setOpen(r.id)} />)}
        </ul>
        {loading && <Busy />}
        {next && !loading && <button type="button" class="wide" onClick={more}>{t("more")}</button>}
      </section>
      {open && <RecordDrawer id={open} names={scene.names} onClose={() => setOpen(null)} />}
    </>
  );
}
