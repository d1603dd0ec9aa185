import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef } from "react";
import type { Citation, PassageView } from "@/api/types";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";
import { Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { cutAt, type Range, toUnits } from "./offsets";

interface Opened {
  usecase: string;
  /** Citations of one passage: all that the answer takes from it. */
  citations: Citation[];
  onClose: () => void;
}

/** The passage behind a citation, in its place in the document, with what was cited marked. */
export function PassagePanel({ usecase, citations, onClose }: Opened) {
  const { client } = useSession();
  const [first] = citations;
  const id = first?.passage ?? "";
  const passage = useQuery({
    queryKey: ["passage", usecase, id],
    queryFn: ({ signal }) => client.passage(usecase, id, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const panel = useRef<HTMLElement>(null);
  const heading = useId();
  useEscape(onClose);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another passage takes the focus anew
  useEffect(() => {
    panel.current?.focus();
  }, [id]);

  return (
    <aside
      aria-labelledby={heading}
      className="fixed inset-x-0 bottom-0 z-30 flex max-h-[80dvh] flex-col rounded-t-2xl border border-line bg-surface shadow-2xl sm:inset-y-0 sm:right-0 sm:left-auto sm:max-h-none sm:w-[26rem] sm:rounded-none sm:border-y-0 sm:border-r-0"
      ref={panel}
      tabIndex={-1}
    >
      <header className="flex items-start gap-3 border-line border-b px-4 py-3">
        <div className="min-w-0 flex-1">
          <p className="text-ink-soft text-xs">Source {first?.number}</p>
          <h2 className="font-semibold" id={heading}>
            {first?.title || first?.document}
          </h2>
          <p className="truncate font-mono text-ink-soft text-xs">{first?.document}</p>
        </div>
        <Button aria-label="Close the source" look="quiet" onClick={onClose} size="square">
          <Icon name="cross" />
        </Button>
      </header>
      <section
        aria-label="Passage"
        className="overflow-y-auto px-4 py-4"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long passage is scrolled with the keyboard
        tabIndex={0}
      >
        {passage.isPending && <Loading lines={6} what="the passage" />}
        {passage.isError && <Trouble error={passage.error} onNext={() => passage.refetch()} />}
        {passage.data && <PassageText cited={citations} passage={passage.data} />}
      </section>
    </aside>
  );
}

function PassageText({ passage, cited }: { passage: PassageView; cited: Citation[] }) {
  const mark = useRef<HTMLElement>(null);
  useEffect(() => {
    mark.current?.scrollIntoView({ block: "center" });
  }, []);

  const units = toUnits(passage.text);
  const ranges: Range[] = cited.map(({ start, end }) => ({
    start: units(start - passage.start),
    end: units(end - passage.start),
  }));
  const pieces = cutAt(passage.text, ranges);
  const firstMarked = pieces.findIndex(({ marked }) => marked);
  return (
    <div className="grid gap-3">
      {passage.heading && <p className="font-medium text-ink-soft text-sm">{passage.heading}</p>}
      <p className="whitespace-pre-wrap break-words text-sm leading-relaxed">
        {passage.before && <span className="text-ink-soft">…{passage.before}</span>}
        {pieces.map(({ start, end, marked }, at) => {
          const text = passage.text.slice(start, end);
          if (!marked) return <span key={start}>{text}</span>;
          return (
            <mark
              className="rounded-sm bg-highlight px-0.5 text-ink"
              key={start}
              ref={at === firstMarked ? mark : null}
            >
              {text}
            </mark>
          );
        })}
        {passage.after && <span className="text-ink-soft">{passage.after}…</span>}
      </p>
      <p className="text-ink-soft text-xs">
        Characters {passage.start}–{passage.end} of the document
      </p>
    </div>
  );
}

function useEscape(act: () => void): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) act();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [act]);
}
