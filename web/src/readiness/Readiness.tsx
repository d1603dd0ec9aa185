import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Readiness } from "@/api/types";
import { readableMoment, shortDigest, wholeMoment } from "@/format/figures";
import { stageWord } from "@/format/words";
import { Icon, type IconName } from "@/parts/Icon";
import { Card, Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { UseCaseChoice, useUseCaseNames } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";
import { StagePath } from "@/usecases/StagePath";
import { Checks } from "./Checks";
import { MoveCard } from "./MoveCard";
import { Signatures } from "./Signatures";

export function ReadinessPage() {
  const search = useSearch({ from: "/readiness" });
  const navigate = useNavigate();
  const names = useUseCaseNames();
  const usecase = search.usecase ?? names.data?.[0] ?? "";
  return (
    <Page
      about="Demo or product? What must hold before a use case may enter its next stage, what is missing, and who signs for it."
      actions={
        usecase && (
          <UseCaseChoice
            onChoose={(chosen) => navigate({ to: "/readiness", search: { usecase: chosen } })}
            value={usecase}
          />
        )
      }
      title="Readiness"
    >
      {names.isPending && <Loading what="the use cases" />}
      {names.isError && <Trouble error={names.error} onNext={() => names.refetch()} />}
      {names.isSuccess && !usecase && <Empty title="No use case is served yet." />}
      {usecase && <Report key={usecase} usecase={usecase} />}
    </Page>
  );
}

function Report({ usecase }: { usecase: string }) {
  const { client } = useSession();
  const readiness = useQuery({
    queryKey: ["readiness", usecase],
    queryFn: ({ signal }) => client.readiness(usecase, signal),
  });
  const served = useQuery({
    queryKey: ["usecases"],
    queryFn: ({ signal }) => client.usecases(signal),
    select: (usecases) => usecases.filter(({ name }) => name === usecase).map(({ stage }) => stage),
  });
  if (readiness.isPending) return <Loading lines={10} what="every check" />;
  if (readiness.isError) {
    return <Trouble error={readiness.error} onNext={() => readiness.refetch()} />;
  }
  const report = readiness.data;
  return (
    <div className="grid gap-4">
      <Verdict report={report} />
      <Card title="Stage">
        <StagePath current={report.stage} served={served.data ?? []} />
        {report.moves.length > 0 && <Moves moves={report.moves} />}
      </Card>
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
        <div className="grid min-w-0 content-start gap-4 max-lg:order-2">
          <Checks checks={report.checks} />
        </div>
        <div className="grid min-w-0 content-start gap-4">
          <Signatures report={report} />
          <MoveCard key={report.stage} report={report} />
        </div>
      </div>
    </div>
  );
}

const LOOK: Record<Readiness["verdict"], { box: string; icon: IconName }> = {
  product: { box: "bg-good-wash text-good", icon: "check" },
  demo: { box: "bg-warn-wash text-warn", icon: "alert" },
  undecided: { box: "bg-bad-wash text-bad", icon: "cross" },
};

function Verdict({ report }: { report: Readiness }) {
  const { box, icon } = LOOK[report.verdict];
  const unsigned = report.signatures.filter(
    ({ needed, standing }) => needed && standing !== "fresh",
  );
  return (
    <section aria-label="Verdict" className={`rounded-xl px-4 py-4 sm:px-5 ${box}`}>
      <p className="flex items-start gap-2.5 font-semibold text-xl">
        <span className="mt-1">
          <Icon name={icon} size={22} />
        </span>
        {report.line}
      </p>
      <p className="mt-1 text-ink text-sm">
        {report.target === report.stage
          ? `Held against ${stageWord(report.stage)}, where it is.`
          : `To enter ${stageWord(report.target)}. ${signaturesMissing(unsigned.length)}`}{" "}
        Checked {readableMoment(report.at_ms)}; release{" "}
        <span className="font-mono text-xs" title={report.release}>
          {shortDigest(report.release)}
        </span>
        .
      </p>
    </section>
  );
}

function signaturesMissing(count: number): string {
  if (count === 0) return "Every signature that it needs holds.";
  return count === 1 ? "One signature is missing." : `${count} signatures are missing.`;
}

function Moves({ moves }: { moves: Readiness["moves"] }) {
  return (
    <details className="mt-3 text-sm">
      <summary className="text-ink-soft">Moves, {moves.length}</summary>
      <ol className="mt-2 grid gap-3">
        {moves.map((move) => (
          <li className="border-line border-l-2 pl-3" key={move.id}>
            <p>
              {stageWord(move.before)} → <span className="font-medium">{stageWord(move.to)}</span>
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
