import { useState } from "react";
import type { ReadinessCheck } from "@/api/types";
import { codeWord } from "@/format/words";
import { Badge, Tag, type Tone } from "@/parts/Badge";
import { Card } from "@/parts/Page";

const OUTCOMES: Record<ReadinessCheck["outcome"], string> = {
  pass: "Holds",
  fail: "Fails",
  not_applicable: "Does not apply",
  not_available: "Nothing to judge yet",
  error: "Could not be checked",
  waived: "Waived",
};

/** Every check by family; what is missing says what to do and who answers for it. */
export function Checks({ checks }: { checks: ReadinessCheck[] }) {
  const [onlyMissing, setOnlyMissing] = useState(false);
  const missing = checks.filter(({ holds }) => !holds);
  const shown = onlyMissing ? missing : checks;
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-2 text-sm">
        <h2 className="font-semibold">
          Checks: {checks.length - missing.length} of {checks.length} hold
        </h2>
        {missing.length > 0 && (
          <label className="flex items-center gap-2 text-ink-soft">
            <input
              checked={onlyMissing}
              className="accent-accent"
              onChange={(change) => setOnlyMissing(change.target.checked)}
              type="checkbox"
            />
            Only what is missing
          </label>
        )}
      </div>
      {[...Map.groupBy(shown, ({ family }) => family)].map(([family, members]) => (
        <Card key={family} title={codeWord(family)}>
          <ul className="grid divide-y divide-line">
            {members.map((check) => (
              <CheckLine check={check} key={check.id} />
            ))}
          </ul>
        </Card>
      ))}
    </>
  );
}

function toneOf({ outcome, holds, blocks }: ReadinessCheck): Tone {
  if (outcome === "pass") return "good";
  if (blocks) return "bad";
  return holds ? "neutral" : "warn";
}

function CheckLine({ check }: { check: ReadinessCheck }) {
  return (
    <li className="grid gap-1.5 py-3 text-sm first:pt-0 last:pb-0" data-check={check.id}>
      <div className="flex flex-wrap items-start justify-between gap-x-3 gap-y-1.5">
        <p className="min-w-0 flex-1 basis-60 font-medium">
          {check.title}{" "}
          <span className="whitespace-nowrap font-mono font-normal text-ink-soft text-xs">
            {check.id}
          </span>
        </p>
        <span className="flex flex-wrap gap-1.5">
          {check.severity === "warning" && !check.holds && <Tag>Does not block</Tag>}
          <Badge tone={toneOf(check)}>{OUTCOMES[check.outcome]}</Badge>
        </span>
      </div>
      <p className="break-words text-ink-soft">{check.evidence}</p>
      {!check.holds && (
        <p className="break-words border-accent border-l-2 pl-3">
          {check.remediation} <span className="text-ink-soft">({codeWord(check.owner)})</span>
        </p>
      )}
      <details className="text-ink-soft text-xs">
        <summary>Why it is asked</summary>
        <p className="mt-1">
          {check.why} {codeWord(check.owner)} answers for it.
        </p>
      </details>
    </li>
  );
}
