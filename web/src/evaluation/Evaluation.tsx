import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Problem } from "@/api/problem";
import type { Evaluation } from "@/api/types";
import { counted, readableMoment, readableUsd, shortDigest, wholeMoment } from "@/format/figures";
import { Card, Facts, Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { Choice, UseCaseChoice, useUseCaseNames } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";
import { FailedCases } from "./FailedCases";
import { PromptsCard } from "./PromptsCard";
import { Scores, Slices } from "./Scores";

export function EvaluationPage() {
  const search = useSearch({ from: "/evaluation" });
  const navigate = useNavigate();
  const names = useUseCaseNames();
  const { may } = useSession();
  const usecase = search.usecase ?? names.data?.[0] ?? "";
  return (
    <Page
      about="How well a use case answers its cases, how sure that is, and which it gets wrong. A prompt that would break one of them is not put in place."
      actions={
        usecase && (
          <UseCaseChoice
            onChoose={(chosen) => navigate({ to: "/evaluation", search: { usecase: chosen } })}
            value={usecase}
          />
        )
      }
      title="Evaluation"
    >
      {names.isPending && <Loading what="the use cases" />}
      {names.isError && <Trouble error={names.error} onNext={() => names.refetch()} />}
      {names.isSuccess && !usecase && <Empty title="No use case is served yet." />}
      {usecase && (
        <div className="grid gap-4" key={usecase}>
          <Scored run={search.run ?? ""} usecase={usecase} />
          {may("prompt:read") && <PromptsCard usecase={usecase} />}
        </div>
      )}
    </Page>
  );
}

function Scored({ usecase, run }: { usecase: string; run: string }) {
  const { client } = useSession();
  const evaluation = useQuery({
    queryKey: ["evaluation", usecase, run],
    queryFn: ({ signal }) => client.evaluation(usecase, run, signal),
  });
  if (evaluation.isPending) return <Loading lines={8} what="the evaluation" />;
  if (evaluation.isError) {
    return <Missing error={evaluation.error} onNext={() => evaluation.refetch()} />;
  }
  const found = evaluation.data;
  return (
    <>
      <RunCard evaluation={found} />
      <Card title="Scores over all cases">
        <Scores scores={found.scores.filter(({ slice }) => slice === "")} />
      </Card>
      <Slices scores={found.scores} />
      <FailedCases evaluation={found} />
    </>
  );
}

/** Nothing to show yet is no fault: it says what to run. */
function Missing({ error, onNext }: { error: Error; onNext: () => void }) {
  if (error instanceof Problem && error.status === 404 && error.detail) {
    return <Empty title="There are no scores to show.">{error.detail}</Empty>;
  }
  return <Trouble error={error} onNext={onNext} />;
}

function RunCard({ evaluation }: { evaluation: Evaluation }) {
  const navigate = useNavigate();
  const { usecase, run, runs } = evaluation;
  const finished = runs.filter(({ finished_at_ms }) => finished_at_ms !== null);
  const unpriced = evaluation.unpriced > 0 && `, ${evaluation.unpriced} without a known price`;
  return (
    <Card
      actions={
        finished.length > 1 && (
          <Choice
            label="Run"
            onChoose={(chosen) => navigate({ to: "/evaluation", search: { usecase, run: chosen } })}
            value={run.id}
          >
            {finished.map(({ id, model, started_at_ms }) => (
              <option key={id} value={id}>
                {model}, {readableMoment(started_at_ms)}
              </option>
            ))}
          </Choice>
        )
      }
      title="Run"
    >
      <Facts
        rows={[
          [
            "Answered by",
            <span className="break-all font-mono text-xs" key="model">
              {run.model}
            </span>,
          ],
          ["Cases", counted(evaluation.cases, "case")],
          ["Finished", run.finished_at_ms ? wholeMoment(run.finished_at_ms) : "–"],
          ["Cost", `${readableUsd(evaluation.cost_nano_usd)}${unpriced || ""}`],
          [
            "Made of",
            <span className="break-all font-mono text-xs" key="digests">
              cases {shortDigest(run.dataset)}, release {shortDigest(run.release)}, prompt{" "}
              {shortDigest(run.prompt)}, seed {evaluation.seed}
            </span>,
          ],
        ]}
      />
      {evaluation.unasked > 0 && (
        <p className="mt-3 rounded-lg bg-warn-wash px-3 py-2 text-sm">
          {counted(evaluation.unasked, "case")} came after this run. Ask them too:{" "}
          <code className="font-mono text-xs">passerelle eval run {run.model}</code>
        </p>
      )}
    </Card>
  );
}
