import type { Citation } from "@/api/types";

/** The documents behind an answer, one line for each number. */
export function Sources({
  citations,
  openNumber,
  onOpen,
}: {
  citations: Citation[];
  openNumber: number | null;
  onOpen: (number: number) => void;
}) {
  const byNumber = new Map(citations.map((citation) => [citation.number, citation]));
  const sources = [...byNumber.values()].sort((one, other) => one.number - other.number);
  if (sources.length === 0) return null;
  return (
    <ul aria-label="Sources" className="grid gap-1">
      {sources.map(({ number, title, document }) => (
        <li key={number}>
          <button
            aria-expanded={openNumber === number}
            className="flex w-full min-w-0 items-baseline gap-2 rounded-lg px-2 py-1 text-left text-sm hover:bg-sunken aria-expanded:bg-accent-wash"
            onClick={() => onOpen(number)}
            type="button"
          >
            <span className="font-semibold text-accent tabular-nums">{number}</span>
            <span className="min-w-0 truncate">{title || document}</span>
            {title && title !== document && (
              <span className="min-w-0 shrink-[2] truncate font-mono text-ink-soft text-xs">
                {document}
              </span>
            )}
          </button>
        </li>
      ))}
    </ul>
  );
}
