import { useState } from "react";
import type { Score } from "@/api/types";
import { readableCount } from "@/format/figures";
import { codeWord } from "@/format/words";
import { estimateWords, Figure, IntervalPlot, type Mark } from "@/parts/Interval";
import { Card } from "@/parts/Page";
import { Choice } from "@/parts/UseCaseChoice";

/** Each metric: what it says, its value with interval and sample, and what it must beat. */
export function Scores({ scores }: { scores: Score[] }) {
  const compared = scores.some(({ baselines }) => baselines.length > 0);
  return (
    <div className="grid gap-4">
      <ul className="grid divide-y divide-line">
        {scores.map((score) => (
          <ScoreLine key={score.metric} score={score} />
        ))}
      </ul>
      <p className="text-ink-soft text-xs">
        The bar is the 95 % interval, the dot the value.
        {compared && " Dashed ticks are what answerers reach that know nothing."}
      </p>
    </div>
  );
}

const bounded = (score: Score): boolean => score.unit === "share" || score.unit === "score";

function ScoreLine({ score }: { score: Score }) {
  const words = `${score.title}: ${estimateWords(score.estimate, score.unit)}`;
  return (
    <li className="grid gap-x-6 gap-y-1.5 py-3 text-sm md:grid-cols-[minmax(0,1.3fr)_minmax(0,1fr)_minmax(0,1fr)] md:items-center">
      <div className="min-w-0">
        <p className="font-medium">{score.title}</p>
        <p className="text-ink-soft text-xs">{score.meaning}</p>
      </div>
      <div className="min-w-0">
        <Figure estimate={score.estimate} unit={score.unit} />
        <Beats score={score} />
      </div>
      <div className="min-w-0">
        {bounded(score) && (
          <IntervalPlot estimate={score.estimate} label={words} marks={marksOf(score)} />
        )}
      </div>
    </li>
  );
}

const marksOf = (score: Score): Mark[] =>
  score.baselines.flatMap(({ name, estimate }) =>
    estimate.value === null ? [] : [{ name, at: estimate.value }],
  );

function Beats({ score }: { score: Score }) {
  const known = score.baselines.filter(({ estimate }) => estimate.value !== null);
  if (known.length === 0) return null;
  return (
    <p className="text-ink-soft text-xs">
      {known
        .map(({ name, estimate }) => `${name}: ${estimateWords(estimate, score.unit)}`)
        .join("; ")}
    </p>
  );
}

/** One metric over every group of cases. */
export function Slices({ scores }: { scores: Score[] }) {
  const sliced = scores.filter(({ slice }) => slice !== "");
  const metrics = [...new Map(sliced.map((score) => [score.metric, score.title]))];
  const [metric, setMetric] = useState(metrics[0]?.[0] ?? "");
  const rows = sliced.filter((score) => score.metric === metric);
  if (rows.length === 0) return null;
  return (
    <Card
      actions={
        <Choice label="Metric" onChoose={setMetric} value={metric}>
          {metrics.map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </Choice>
      }
      title="By group of cases"
    >
      <ul className="grid gap-3">
        {rows.map((score) => (
          <li
            className="grid gap-x-6 gap-y-1 text-sm md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_minmax(0,1.3fr)] md:items-center"
            key={score.slice}
          >
            <p className="break-words font-medium">{codeWord(score.slice)}</p>
            <Figure estimate={score.estimate} unit={score.unit} />
            <IntervalPlot
              estimate={score.estimate}
              label={`${codeWord(score.slice)}: ${estimateWords(score.estimate, score.unit)}`}
              marks={marksOf(score)}
            />
          </li>
        ))}
      </ul>
      <p className="mt-3 text-ink-soft text-xs">
        {readableCount(rows.length)} groups. Where intervals overlap, the difference may be chance.
      </p>
    </Card>
  );
}
