import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ClaimList, GroundingBadge, GuardList } from "@/answer/Verdicts";
import type { Provenance } from "@/api/provenance";
import { readableCount, readableMs, readableUsd, shortDigest } from "@/format/figures";
import { stageWord } from "@/format/words";
import { Badge, type Tone } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";
import { Facts } from "@/parts/Page";
import { useSession } from "@/session/session";
import { type Round, useConversation } from "./conversation";
import { FlagDialog } from "./FlagDialog";

/** Verdicts, cost and time of an answer in a line; everything else behind 'Details'. */
export function Findings({ round, provenance }: { round: Round; provenance: Provenance }) {
  const { may } = useSession();
  const { markFlagged } = useConversation();
  const [flagging, setFlagging] = useState(false);
  const { grounding, guards } = provenance;
  const guard = guardSummary(guards);
  return (
    <div className="grid gap-3 border-line border-t pt-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 text-sm">
        <GroundingBadge
          reason={grounding.reason}
          score={grounding.score}
          verdict={grounding.verdict}
        />
        <Badge tone={guard.tone}>{guard.words}</Badge>
        <span className="text-ink-soft tabular-nums" title="Price of the model's tokens">
          {readableUsd(provenance.cost_nano_usd)}
        </span>
        {round.totalMs !== null && (
          <span className="text-ink-soft tabular-nums" title="From sending to the last word, here">
            {readableMs(round.totalMs)}
          </span>
        )}
        {round.flag ? (
          <Badge tone="warn">Flagged</Badge>
        ) : (
          may("flag:create") && (
            <Button
              className="-mr-2.5 ml-auto"
              look="quiet"
              onClick={() => setFlagging(true)}
              size="small"
            >
              <Icon name="flag" size={15} />
              Flag
            </Button>
          )
        )}
      </div>
      <Details provenance={provenance} round={round} />
      {flagging && (
        <FlagDialog
          exchangeId={provenance.exchange_id}
          onClose={() => setFlagging(false)}
          onFlagged={(flag) => markFlagged(round.id, flag)}
        />
      )}
    </div>
  );
}

function Details({ round, provenance }: { round: Round; provenance: Provenance }) {
  const { usage } = round;
  const tokens = usage
    ? `${readableCount(usage.prompt_tokens)} in, ${readableCount(usage.completion_tokens)} out`
    : "not told";
  return (
    <details className="group rounded-xl border border-line bg-surface">
      <summary className="flex list-none items-center gap-2 px-4 py-2 font-medium text-sm">
        <span className="-rotate-90 transition-transform group-open:rotate-0">
          <Icon name="down" size={16} />
        </span>
        Details
      </summary>
      <div className="grid gap-5 border-line border-t px-4 py-4">
        <div className="grid gap-2">
          <h3 className="font-medium text-sm">Grounding, claim by claim</h3>
          <ClaimList claims={provenance.grounding.claims} text={round.answer} />
        </div>
        <div className="grid gap-2">
          <h3 className="font-medium text-sm">Guards</h3>
          <GuardList guards={provenance.guards} />
        </div>
        <Facts
          rows={[
            ["Answered by", `${provenance.route.provider} / ${provenance.route.model}`],
            ["Use case", `${provenance.usecase}, ${stageWord(provenance.stage).toLowerCase()}`],
            ["Cost", costOf(provenance)],
            ["Tokens", tokens],
            ["First word after", round.firstTextMs === null ? "–" : readableMs(round.firstTextMs)],
            ["Gateway overhead", round.overheadMs === null ? "–" : readableMs(round.overheadMs)],
            [
              "Release",
              <span className="font-mono" key="release" title={provenance.release}>
                {shortDigest(provenance.release)}
              </span>,
            ],
            [
              "Exchange",
              <Link
                className="break-all font-mono text-accent underline"
                key="exchange"
                params={{ exchangeId: provenance.exchange_id }}
                to="/exchanges/$exchangeId"
              >
                {provenance.exchange_id}
              </Link>,
            ],
          ]}
        />
      </div>
    </details>
  );
}

function costOf({ cost_nano_usd, price }: Provenance): string {
  const cost = readableUsd(cost_nano_usd);
  return price ? `${cost}, prices of ${price}` : cost;
}

function guardSummary(guards: Provenance["guards"]): { words: string; tone: Tone } {
  const outcomes = guards.map(({ outcome }) => outcome);
  if (outcomes.includes("blocked")) return { words: "A guard blocked", tone: "bad" };
  if (outcomes.includes("not_scanned")) return { words: "A guard could not check", tone: "warn" };
  if (outcomes.includes("redacted")) return { words: "A guard redacted", tone: "warn" };
  if (guards.length === 0) return { words: "No guards", tone: "neutral" };
  return { words: "Guards passed", tone: "good" };
}
