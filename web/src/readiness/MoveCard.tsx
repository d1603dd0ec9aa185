import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Readiness, Stage } from "@/api/types";
import { stageWord } from "@/format/words";
import { Button } from "@/parts/Button";
import { Input } from "@/parts/Field";
import { Card } from "@/parts/Page";
import { Trouble } from "@/parts/States";
import { Choice } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";

const PATH: Stage[] = ["poc", "pilot", "limited", "production"];

/** Forward when nothing is missing; back or retired at any time. */
export function MoveCard({ report }: { report: Readiness }) {
  const { client, may } = useSession();
  const queries = useQueryClient();
  const choices = destinations(report);
  const [to, setTo] = useState(choices[0] ?? report.stage);
  const [reason, setReason] = useState("");
  const moving = useMutation({
    mutationFn: () => client.moveStage({ usecase: report.usecase, to, reason: reason.trim() }),
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ["readiness", report.usecase] }),
        queries.invalidateQueries({ queryKey: ["usecases"] }),
      ]),
  });
  if (!may("usecase:promote")) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    moving.mutate();
  };
  const forward = to === report.target;
  return (
    <Card title="Move it">
      <form className="grid gap-3" onSubmit={submit}>
        <Choice
          label="To"
          onChoose={(chosen) => {
            moving.reset();
            setTo(choices.find((stage) => stage === chosen) ?? to);
          }}
          value={to}
        >
          {choices.map((stage) => (
            <option key={stage} value={stage}>
              {stageWord(stage)}
            </option>
          ))}
        </Choice>
        <Input
          about={
            forward
              ? "Every check that blocks must hold, and every signature that the stage needs."
              : "Always allowed: it takes risk away."
          }
          label="Reason"
          maxLength={2000}
          onChange={(change) => setReason(change.target.value)}
          value={reason}
        />
        {moving.isError && <Trouble error={moving.error} />}
        <Button
          className="justify-self-start"
          disabled={moving.isPending}
          look={forward ? "primary" : "plain"}
          type="submit"
        >
          {moving.isPending ? "Checking…" : wordFor(to, forward)}
        </Button>
      </form>
    </Card>
  );
}

function wordFor(to: Stage, forward: boolean): string {
  if (to === "retired") return "Retire it";
  return forward ? `Promote to ${stageWord(to)}` : `Move back to ${stageWord(to)}`;
}

/** The next stage first, then earlier ones, then the end. */
function destinations({ stage, target }: Readiness): Stage[] {
  const earlier = PATH.slice(0, Math.max(0, PATH.indexOf(stage))).reverse();
  return [...(target === stage ? [] : [target]), ...earlier, "retired"];
}
