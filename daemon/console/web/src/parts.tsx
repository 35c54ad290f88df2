// The small pieces every page is made of.
import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { label, t, term } from "./i18n";
import type { CategoryHit, Feedback, Sentiment } from "./types";

type Children = { children?: ComponentChildren };

export function Mood({ of, strong }: { of: Sentiment; strong?: boolean }): JSX.Element {
  const glyph = of === "negative" ? "▼" : of === "positive" ? "▲" : "–";
  return (
    <span class={`mood ${of}${strong ? " strong" : ""}`}>
      <span aria-hidden="true">{glyph}</span> {term("sentiment", of)}
    </span>
  );
}

/** Nothing for a record without words: there is no mood to tell. */
export function MoodOf({ f }: { f: Feedback }): JSX.Element | null {
  const mood = f.analysis?.sentiment?.label ?? "none";
  return mood === "none" ? null : <Mood of={mood} />;
}

export function Chip({ children, tone }: Children & { tone?: string }): JSX.Element {
  return <span class={`chip${tone ? ` ${tone}` : ""}`}>{children}</span>;
}

/** The deepest codes only: delivery/late says delivery already. */
export function deepest(codes: CategoryHit[]): CategoryHit[] {
  return codes.filter((c) => !codes.some((o) => o.code.startsWith(`${c.code}/`)));
}

export function Categories({ of }: { of: CategoryHit[] }): JSX.Element {
  return (
    <>
      {deepest(of).map((c) => (
        <Chip key={c.code} tone={c.sentiment === "negative" || c.sentiment === "positive" ? c.sentiment : ""}>
          {term("category", c.code)}
        </Chip>
      ))}
    </>
  );
}

export function Signals({ of }: { of: string[] }): JSX.Element {
  return (
    <>
      {of.map((s) => (
        <Chip key={s} tone={s === "pii" ? "quiet" : "signal"}>
          {term("signal", s)}
        </Chip>
      ))}
    </>
  );
}

export function Severity({ of }: { of: string }): JSX.Element {
  return <span class={`severity ${of}`}>{label("severity_", of)}</span>;
}

/** A page that fails says so, and leaves the others usable. */
export class Guard extends Component<{ children: ComponentChildren }, { failure: string }> {
  state = { failure: "" };
  componentDidCatch(e: unknown): void {
    this.setState({ failure: String(e) });
  }
  render(): ComponentChildren {
    return this.state.failure ? <Failure why={this.state.failure} retry={() => location.reload()} /> : this.props.children;
  }
}

export function Notice({ children, tone }: Children & { tone?: "bad" | "good" }): JSX.Element {
  return <p class={`notice ${tone ?? ""}`}>{children}</p>;
}

export function Failure({ why, retry }: { why: string; retry?: () => void }): JSX.Element {
  return (
    <p class="notice bad" role="alert">
      {t("failed", { why })}{" "}
      {retry && (
        <button type="button" class="link" onClick={retry}>
          {t("retry")}
        </button>
      )}
    </p>
  );
}

export function Busy(): JSX.Element {
  return (
    <p class="busy" role="status">
      {t("loading")}…
    </p>
  );
}

export function Field({ label: name, children }: Children & { label: string }): JSX.Element {
  return (
    <label class="field">
      <span>{name}</span>
      {children}
    </label>
  );
}

export function Select(props: {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
  hidden?: boolean;
}): JSX.Element {
  return (
    <Field label={props.label}>
      <select value={props.value} onChange={(e) => props.onChange(e.currentTarget.value)}>
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** A panel at the side that keeps the page in view; Escape or a click outside closes it. */
export function Drawer({ title, onClose, children }: Children & { title: string; onClose: () => void }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class="drawer"
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClick={(e) => {
        if (e.target === ref.current) onClose();
      }}
    >
      <div class="drawer-body">
        <header class="drawer-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon" aria-label={t("close")} onClick={onClose}>
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
