import { AnswerText } from "@/answer/AnswerText";
import { Legend } from "@/answer/Verdicts";
import { Problem } from "@/api/problem";
import { Button } from "@/parts/Button";
import { Trouble } from "@/parts/States";
import type { Round } from "./conversation";
import { Findings } from "./Findings";
import { Sources } from "./Sources";

/** A question and its answer, with everything that was found out about it. */
export function RoundView({
  round,
  openNumber,
  onOpen,
  onEdit,
  onRetry,
}: {
  round: Round;
  openNumber: number | null;
  onOpen: (number: number) => void;
  onEdit: () => void;
  onRetry: () => void;
}) {
  const streaming = round.state === "waiting" || round.state === "streaming";
  const claims = round.provenance?.grounding.claims ?? [];
  return (
    <article className="grid min-w-0 gap-4">
      <div className="ml-auto max-w-[85%] whitespace-pre-wrap break-words rounded-2xl rounded-br-md bg-accent-wash px-4 py-2.5">
        <span className="sr-only">You asked: </span>
        {round.question}
      </div>
      <div aria-busy={streaming} className="grid min-w-0 gap-3">
        {round.state === "waiting" && <p className="caret text-ink-soft">Looking it up</p>}
        {round.answer && (
          <AnswerText
            citations={round.provenance?.citations ?? []}
            claims={claims}
            onOpen={onOpen}
            openNumber={openNumber}
            streaming={streaming}
            text={round.answer}
          />
        )}
        <Ending onEdit={onEdit} onRetry={onRetry} round={round} />
        <Legend claims={claims} />
        {round.provenance && (
          <>
            <Sources
              citations={round.provenance.citations}
              onOpen={onOpen}
              openNumber={openNumber}
            />
            <Findings provenance={round.provenance} round={round} />
          </>
        )}
      </div>
      <p aria-live="polite" className="sr-only" role="status">
        {announcement(round)}
      </p>
    </article>
  );
}

interface Ended {
  round: Round;
  onEdit: () => void;
  onRetry: () => void;
}

function Ending({ round, onEdit, onRetry }: Ended) {
  if (round.state === "failed") {
    const { problem } = round;
    // What was refused for its content would be refused again.
    const refused = problem instanceof Problem && problem.status === 400;
    return refused ? (
      <Trouble error={problem} next="Edit" onNext={onEdit} />
    ) : (
      <Trouble error={problem} onNext={onRetry} />
    );
  }
  if (round.state === "stopped") {
    return (
      <div className="flex flex-wrap items-center gap-3 text-ink-soft text-sm">
        <span>You stopped this answer; it was not checked to its end.</span>
        <Button onClick={onRetry} size="small">
          Ask again
        </Button>
      </div>
    );
  }
  if (round.finishReason === "content_filter") {
    return (
      <p className="rounded-xl bg-warn-wash px-4 py-3 text-sm text-warn" role="alert">
        A guard stopped this answer: what the model said may not be shown. The guard is named below.
      </p>
    );
  }
  if (round.finishReason === "length") {
    return (
      <p className="text-ink-soft text-sm">The answer reached its longest length and was cut.</p>
    );
  }
  return null;
}

/** For screen readers: the beginning and the end, not every word on its way. */
function announcement(round: Round): string {
  switch (round.state) {
    case "waiting":
      return "Looking it up.";
    case "streaming":
      return "";
    case "done":
      return `Answer complete. ${round.answer}`;
    case "stopped":
      return "Stopped.";
    case "failed":
      return "";
  }
}
