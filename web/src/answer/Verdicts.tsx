import type { Claim, GuardVerdict } from "@/api/types";
import { counted, readableScore } from "@/format/figures";
import { guardWord, outcomeWord, sentenceCase, supportWord } from "@/format/words";
import { Badge } from "@/parts/Badge";

export function GroundingBadge({
  verdict,
  score,
  reason = "",
}: {
  verdict: string;
  score?: number;
  reason?: string;
}) {
  const { word, tone } = supportWord(verdict);
  const scanned = verdict !== "not_scanned" && score !== undefined;
  return (
    <Badge title={reason || "Weakest claim of the answer, 0 to 1"} tone={tone}>
      {word}
      {scanned && ` ${readableScore(score)}`}
      {reason && `: ${guardWord(reason)}`}
    </Badge>
  );
}

/** What the underlines of the claims mean; shown when there is a claim. */
export function Legend({ claims }: { claims: readonly Claim[] }) {
  const kinds = [...new Set(claims.map(({ verdict }) => verdict))];
  if (kinds.length === 0) return null;
  return (
    <ul aria-label="Underlines" className="flex flex-wrap gap-x-4 gap-y-1 text-ink-soft text-xs">
      {kinds.map((verdict) => (
        <li key={verdict}>
          <span className="claim" data-verdict={verdict}>
            {supportWord(verdict).word}
          </span>{" "}
          {counted(claims.filter((claim) => claim.verdict === verdict).length, "claim")}
        </li>
      ))}
    </ul>
  );
}

/** What a guard found stands alone; those that let everything pass share a line per surface. */
export function GuardList({ guards }: { guards: readonly GuardVerdict[] }) {
  if (guards.length === 0) return <p className="text-ink-soft text-sm">No guard looked at it.</p>;
  const found = guards.filter(
    ({ outcome, findings }) => outcome !== "passed" || findings.length > 0,
  );
  const quiet = guards.filter((verdict) => !found.includes(verdict));
  return (
    <ul className="grid gap-2 text-sm">
      {found.map((verdict) => (
        <Finding
          key={`${verdict.guard} ${verdict.surface} ${guards.indexOf(verdict)}`}
          verdict={verdict}
        />
      ))}
      {[...Map.groupBy(quiet, ({ surface }) => surface)].map(([surface, verdicts]) => (
        <li className="flex items-baseline gap-2" key={surface}>
          <Badge tone="good">passed</Badge>
          <span className="min-w-0">
            {sentenceCase(surface)}:{" "}
            <span className="text-ink-soft">
              {[...new Set(verdicts.map(({ guard }) => guardWord(guard)))].join(", ")}
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function Finding({ verdict }: { verdict: GuardVerdict }) {
  const { word, tone } = outcomeWord(verdict.outcome);
  const told = [
    verdict.reason || findingsOf(verdict),
    verdict.outcome === "blocked" &&
      verdict.released_characters > 0 &&
      `after ${counted(verdict.released_characters, "character")} had left`,
  ].filter(Boolean);
  return (
    <li className="flex items-baseline gap-2">
      <Badge tone={tone}>{word}</Badge>
      <span className="min-w-0 break-words">
        {sentenceCase(verdict.surface)}: {guardWord(verdict.guard)}
        {told.length > 0 && <span className="text-ink-soft">, {told.join(", ")}</span>}
      </span>
    </li>
  );
}

function findingsOf({ findings }: GuardVerdict): string {
  const byKind = Map.groupBy(findings, ({ kind }) => kind);
  return [...byKind].map(([kind, found]) => `${found.length} × ${guardWord(kind)}`).join(", ");
}

export function ClaimList({ claims, text }: { claims: readonly Claim[]; text: string }) {
  if (claims.length === 0) return <p className="text-ink-soft text-sm">No claim was checked.</p>;
  const characters = [...text];
  return (
    <ol className="grid gap-2 text-sm">
      {claims.map((claim) => {
        const said = characters.slice(claim.start, claim.end).join("");
        return (
          <li className="grid gap-0.5" key={`${claim.start} ${claim.end}`}>
            <span className="flex flex-wrap items-center gap-2">
              <GroundingBadge score={claim.score} verdict={claim.verdict} />
              {claim.citation !== null && (
                <span className="text-ink-soft">closest: source {claim.citation}</span>
              )}
            </span>
            {said && <span className="break-words">{said}</span>}
          </li>
        );
      })}
    </ol>
  );
}
