import type { ReactNode } from "react";
import { adviceFor, Problem } from "@/api/problem";
import { Button } from "./Button";
import { Icon } from "./Icon";

/** Takes the place of what is on its way, in about its size. */
export function Loading({ what, lines = 4 }: { what: string; lines?: number }) {
  const widths = ["w-full", "w-11/12", "w-4/5", "w-2/3"];
  return (
    <div aria-busy="true" className="grid gap-3 py-2" role="status">
      <span className="sr-only">Loading {what}…</span>
      {Array.from({ length: lines }, (_, line) => `line ${line}`).map((name, line) => (
        <div
          className={`shimmer h-4 rounded ${widths[line % widths.length]}`}
          data-line={name}
          key={name}
        />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-xl border border-line border-dashed px-6 py-12 text-center">
      <p className="font-semibold">{title}</p>
      {children && <div className="mx-auto mt-1 max-w-prose text-ink-soft text-sm">{children}</div>}
    </div>
  );
}

/** What went wrong, its code, and what to do next. */
export function Trouble({
  error,
  next = "Try again",
  onNext,
}: {
  error: unknown;
  /** What the button says. */
  next?: string;
  onNext?: () => void;
}) {
  const problem =
    error instanceof Problem
      ? error
      : new Problem(0, "unexpected", "Something unexpected went wrong in the console.");
  const advice = adviceFor(problem);
  // What is absent or not allowed stays so, however often one asks.
  const hopeless = problem.status === 403 || problem.status === 404;
  return (
    <div className="rounded-xl bg-bad-wash px-4 py-3 text-bad" role="alert">
      <div className="flex flex-wrap items-start gap-x-2.5 gap-y-2">
        <span className="mt-0.5">
          <Icon name="alert" />
        </span>
        <div className="min-w-0 flex-1 basis-52">
          <p className="break-words font-semibold">{problem.title}</p>
          {problem.detail && (
            <p className="whitespace-pre-line break-words text-ink text-sm">{problem.detail}</p>
          )}
          {advice && <p className="text-ink text-sm">{advice}</p>}
          <p className="mt-1 font-mono text-xs">
            {problem.code}
            {problem.status > 0 && ` · HTTP ${problem.status}`}
          </p>
        </div>
        {onNext && !hopeless && (
          <Button look="plain" onClick={onNext} size="small">
            {next}
          </Button>
        )}
      </div>
    </div>
  );
}
