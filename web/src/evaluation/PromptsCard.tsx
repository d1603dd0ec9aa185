import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Problem } from "@/api/problem";
import type { PromptInPlace, PromptMove, Prompts, PromptVersion } from "@/api/types";
import { readableMoment, shortDigest, wholeMoment } from "@/format/figures";
import { stageWord } from "@/format/words";
import { Tag } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { Input } from "@/parts/Field";
import { Card } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { Choice } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";

/** What is in place at each stage, and the way to another version and back. */
export function PromptsCard({ usecase }: { usecase: string }) {
  const { client } = useSession();
  const prompts = useQuery({
    queryKey: ["prompts", usecase],
    queryFn: ({ signal }) => client.prompts(usecase, signal),
  });
  return (
    <Card title="Prompts">
      {prompts.isPending && <Loading what="the prompts" />}
      {prompts.isError && <Trouble error={prompts.error} onNext={() => prompts.refetch()} />}
      {prompts.data?.stages.length === 0 && <Empty title="No stage of it is served." />}
      {prompts.data && (
        <div className="grid gap-6">
          {prompts.data.stages.map((place) => (
            <StagePrompt key={place.stage} place={place} prompts={prompts.data} />
          ))}
          <Versions versions={prompts.data.versions} />
        </div>
      )}
    </Card>
  );
}

function StagePrompt({ place, prompts }: { place: PromptInPlace; prompts: Prompts }) {
  const { may } = useSession();
  return (
    <section
      aria-label={`Prompt at ${stageWord(place.stage)}`}
      className="grid gap-3 rounded-lg border border-line p-3 sm:p-4"
    >
      <p className="flex flex-wrap items-baseline gap-x-2 gap-y-1">
        <span className="font-medium">{stageWord(place.stage)}</span>
        <Tag>{place.name}</Tag>
        <span className="text-ink-soft text-sm">
          {place.can_roll_back ? `promoted; the file says ${place.written}` : "as the file says"}
        </span>
        <span className="font-mono text-ink-soft text-xs" title={place.version}>
          {shortDigest(place.version)}
        </span>
      </p>
      {may("prompt:promote") && <Moving place={place} prompts={prompts} />}
      {place.history.length > 0 && <History moves={place.history} />}
    </section>
  );
}

function Moving({ place, prompts }: { place: PromptInPlace; prompts: Prompts }) {
  const { client } = useSession();
  const queries = useQueryClient();
  const others = prompts.versions.filter(({ digest }) => digest !== place.version);
  const [chosen, setChosen] = useState("");
  const [reason, setReason] = useState("");
  const version = others.find(({ name }) => name === chosen)?.name ?? others[0]?.name ?? "";
  const where = { usecase: prompts.usecase, stage: place.stage, reason: reason.trim() };
  const refresh = () => {
    setReason("");
    return queries.invalidateQueries({ queryKey: ["prompts", prompts.usecase] });
  };
  const promoting = useMutation({
    mutationFn: () => client.promote({ ...where, version }),
    onSuccess: refresh,
  });
  const rollingBack = useMutation({ mutationFn: () => client.rollBack(where), onSuccess: refresh });
  const busy = promoting.isPending || rollingBack.isPending;
  const error = promoting.error ?? rollingBack.error;
  const start = (move: typeof promoting, other: typeof promoting) => {
    other.reset();
    move.mutate();
  };
  if (others.length === 0 && !place.can_roll_back) {
    return <p className="text-ink-soft text-sm">There is no other version.</p>;
  }
  return (
    <div className="grid gap-3">
      <div className="grid gap-3 sm:grid-cols-[minmax(0,1fr)_auto] sm:items-end">
        <Input
          label="Reason"
          maxLength={1000}
          onChange={(change) => setReason(change.target.value)}
          placeholder="Kept with the move"
          value={reason}
        />
        <div className="flex flex-wrap items-center gap-2">
          {others.length > 0 && (
            <>
              <Choice label="Version" onChoose={setChosen} value={version}>
                {others.map(({ name, digest }) => (
                  <option key={digest}>{name}</option>
                ))}
              </Choice>
              <Button disabled={busy} look="primary" onClick={() => start(promoting, rollingBack)}>
                {promoting.isPending ? "Comparing…" : "Promote"}
              </Button>
            </>
          )}
          {place.can_roll_back && (
            <Button disabled={busy} onClick={() => start(rollingBack, promoting)}>
              {rollingBack.isPending ? "Rolling back…" : "Roll back"}
            </Button>
          )}
        </div>
      </div>
      {error && <Refused error={error} />}
    </div>
  );
}

const BROKEN = /^(.*) Broken: (.*)\.$/s;

/** A refusal; the cases that would break stand one by one. */
function Refused({ error }: { error: Error }) {
  const [, told, broken] = (error instanceof Problem && BROKEN.exec(error.detail)) || [];
  if (!(error instanceof Problem) || told === undefined || broken === undefined) {
    return <Trouble error={error} />;
  }
  return (
    <div className="grid gap-2">
      <Trouble error={new Problem(error.status, error.code, error.title, told)} />
      <ul aria-label="Cases that would break" className="flex flex-wrap gap-1.5">
        {broken.split(", ").map((id) => (
          <li className="rounded-md bg-bad-wash px-2 py-0.5 font-mono text-bad text-xs" key={id}>
            {id}
          </li>
        ))}
      </ul>
    </div>
  );
}

function History({ moves }: { moves: PromptMove[] }) {
  return (
    <details className="text-sm">
      <summary className="text-ink-soft">History, {moves.length}</summary>
      <ol className="mt-2 grid gap-3">
        {moves.map((move) => (
          <li className="border-line border-l-2 pl-3" key={move.id}>
            <p>
              {move.ground === "rolled_back" ? "Rolled back to" : "Promoted"}{" "}
              <span className="font-medium">{move.name}</span>
              <time className="text-ink-soft" title={wholeMoment(move.at_ms)}>
                , {readableMoment(move.at_ms)}
              </time>
            </p>
            {move.reason && <p className="break-words">{move.reason}</p>}
            <p className="break-all text-ink-soft text-xs">by {move.by}</p>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Versions({ versions }: { versions: PromptVersion[] }) {
  return (
    <div className="grid gap-2 text-sm">
      <h3 className="font-medium">Versions</h3>
      {versions.map((version) => (
        <details className="rounded-lg bg-sunken px-3 py-2" key={version.digest}>
          <summary>
            <span className="font-medium">{version.name}</span>{" "}
            <span className="font-mono text-ink-soft text-xs" title={version.digest}>
              {shortDigest(version.digest)}
            </span>
          </summary>
          <p className="mt-2 text-ink-soft text-xs">
            Shows {version.passages} passages; quotes at most {version.sentences} sentences; refuses
            below {version.refuse_below}.
          </p>
          <pre className="mt-2 whitespace-pre-wrap break-words font-mono text-xs">
            {version.template}
          </pre>
        </details>
      ))}
    </div>
  );
}
