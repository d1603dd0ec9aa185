import type { Estimate } from "@/api/types";
import { readableCount, readableMs, readableShare, readableUsd } from "@/format/figures";

export type FigureUnit = "share" | "score" | "ms" | "nano_usd" | "count";

/** One figure in its unit; a dash where nothing can be said. */
export function readableFigure(figure: number | null, unit: FigureUnit): string {
  if (figure === null) return "–";
  switch (unit) {
    case "share":
      return readableShare(figure);
    case "score":
      return figure.toFixed(3);
    case "ms":
      return readableMs(figure);
    case "nano_usd":
      return readableUsd(Math.round(figure));
    default:
      return figure.toLocaleString("en-US", { maximumFractionDigits: 2 });
  }
}

/** An estimate in words: value, interval, sample. */
export function estimateWords(estimate: Estimate, unit: FigureUnit): string {
  if (estimate.value === null) return `not measured, n = ${readableCount(estimate.n)}`;
  const sample = `n = ${readableCount(estimate.n)}`;
  return `${readableFigure(estimate.value, unit)} ${intervalWords(estimate, unit)}, ${sample}`;
}

function intervalWords({ low, high }: Estimate, unit: FigureUnit): string {
  if (low === null || high === null) return "without an interval";
  return `[${readableFigure(low, unit)}, ${readableFigure(high, unit)}]`;
}

/** Value, interval below it, sample size and method at hand. */
export function Figure({ estimate, unit }: { estimate: Estimate; unit: FigureUnit }) {
  if (estimate.value === null) {
    return (
      <span className="text-ink-soft" title={estimate.method}>
        Not measured <span className="text-xs">(n = {readableCount(estimate.n)})</span>
      </span>
    );
  }
  return (
    <span className="tabular-nums" title={estimate.method}>
      <span className="font-semibold">{readableFigure(estimate.value, unit)}</span>{" "}
      <span className="whitespace-nowrap text-ink-soft text-xs">
        {intervalWords(estimate, unit)} n = {readableCount(estimate.n)}
      </span>
    </span>
  );
}

export interface Mark {
  name: string;
  at: number;
}

/** An interval on its axis: a bar from low to high, a dot at the value, ticks for what to beat. */
export function IntervalPlot({
  estimate,
  label,
  least = 0,
  most = 1,
  marks = [],
}: {
  estimate: Estimate;
  /** The whole in words, for those who do not see it. */
  label: string;
  least?: number;
  most?: number;
  marks?: Mark[];
}) {
  const { value, low, high } = estimate;
  if (value === null || low === null || high === null || most <= least) return null;
  const at = (figure: number) =>
    `${(100 * Math.min(1, Math.max(0, (figure - least) / (most - least)))).toFixed(2)}%`;
  return (
    <svg aria-label={label} className="block overflow-visible" height={18} role="img" width="100%">
      <line className="stroke-line" strokeWidth={6} x1="0%" x2="100%" y1={9} y2={9} />
      {marks.map((mark) => (
        <line
          className="stroke-edge"
          key={mark.name}
          strokeDasharray="2 2"
          strokeWidth={2}
          x1={at(mark.at)}
          x2={at(mark.at)}
          y1={1}
          y2={17}
        >
          <title>{mark.name}</title>
        </line>
      ))}
      <line className="stroke-accent" strokeWidth={6} x1={at(low)} x2={at(high)} y1={9} y2={9} />
      {[low, high].map((end, side) => (
        <line
          className="stroke-accent"
          key={side === 0 ? "low" : "high"}
          strokeWidth={2}
          x1={at(end)}
          x2={at(end)}
          y1={3}
          y2={15}
        />
      ))}
      <circle
        className="fill-surface stroke-accent"
        cx={at(value)}
        cy={9}
        r={5}
        strokeWidth={2.5}
      />
    </svg>
  );
}
