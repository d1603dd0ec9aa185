import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Kpi, UseCase } from "@/api/types";
import { readableCount, shortDigest } from "@/format/figures";
import { guardWord, sentenceCase, stageWord } from "@/format/words";
import { Tag } from "@/parts/Badge";
import { CopyButton } from "@/parts/CopyButton";
import { Icon } from "@/parts/Icon";
import { Card, Facts, Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { Documents } from "./Documents";
import { StagePath } from "./StagePath";

export function UseCaseDetailPage() {
  const { client } = useSession();
  const { name } = useParams({ from: "/usecases/$name" });
  const usecases = useQuery({
    queryKey: ["usecases"],
    queryFn: ({ signal }) => client.usecases(signal),
  });
  const stages = usecases.data?.filter((usecase) => usecase.name === name) ?? [];
  const [first] = stages;
  return (
    <Page
      about={
        <span className="grid gap-1">
          <Link
            className="inline-flex items-center gap-1 text-accent hover:underline"
            to="/usecases"
          >
            <Icon name="back" size={15} />
            All use cases
          </Link>
          {first?.goal}
        </span>
      }
      title={first?.title ?? name}
    >
      {usecases.isPending && <Loading what="the use case" />}
      {usecases.isError && <Trouble error={usecases.error} onNext={() => usecases.refetch()} />}
      {usecases.isSuccess && !first && (
        <Empty title={`There is no use case “${name}”.`}>
          It may not be served here, or it belongs to another organisation.
        </Empty>
      )}
      {first && <Detail first={first} stages={stages} />}
    </Page>
  );
}

function Detail({ first, stages }: { first: UseCase; stages: UseCase[] }) {
  const { may } = useSession();
  return (
    <div className="grid gap-4">
      <Card title="Stage">
        <StagePath
          current={stages.find(({ model, name }) => model === name)?.stage ?? ""}
          served={stages.map(({ stage }) => stage)}
        />
      </Card>
      <div className="grid gap-4 md:grid-cols-2">
        {first.kpi && (
          <Card title="KPI">
            <KpiFacts kpi={first.kpi} />
          </Card>
        )}
        {first.roles && (
          <Card title="Who answers for it">
            <Facts
              rows={Object.entries(first.roles).map(([role, holder]) => [
                sentenceCase(role.replaceAll("_", " ")),
                holder,
              ])}
            />
          </Card>
        )}
        {byStage(stages).map(([stage, [usecase, ...also]]) => (
          <Card
            actions={<CopyButton text={usecase.model} what="model name" />}
            key={stage}
            title={stageWord(stage)}
          >
            <Facts
              rows={[
                [
                  "Model",
                  <span className="font-mono text-xs" key="model">
                    {[usecase, ...also].map(({ model }) => model).join(", ")}
                  </span>,
                ],
                ["Answered by", usecase.provider],
                [
                  "Guards",
                  <span className="flex flex-wrap gap-1.5" key="guards">
                    {usecase.guards.length === 0
                      ? "none"
                      : [...new Set(usecase.guards)].map((guard) => (
                          <Tag key={guard}>{guardWord(guard)}</Tag>
                        ))}
                  </span>,
                ],
                ["Documents", readableCount(usecase.documents)],
                ["Passages", readableCount(usecase.passages)],
                [
                  "Knowledge",
                  <span
                    className="font-mono text-xs"
                    key="version"
                    title={usecase.knowledge_version}
                  >
                    {usecase.knowledge_version ? shortDigest(usecase.knowledge_version) : "none"}
                  </span>,
                ],
              ]}
            />
          </Card>
        ))}
      </div>
      {may("knowledge:read") && (
        <Card title="Knowledge">
          <Documents usecase={first.name} />
        </Card>
      )}
    </div>
  );
}

/** A stage answers to `name@stage`, the current one also to the name alone. */
function byStage(usecases: UseCase[]): [string, [UseCase, ...UseCase[]]][] {
  const found = Map.groupBy(usecases, ({ stage }) => stage);
  return [...found].flatMap(([stage, [first, ...more]]) =>
    first ? [[stage, [first, ...more]]] : [],
  );
}

function KpiFacts({ kpi }: { kpi: Kpi }) {
  const unit = (value: number) => `${readableCount(value)} ${kpi.unit}`;
  const worse = kpi.higher_is_better ? "or less" : "or more";
  return (
    <Facts
      rows={[
        ["Measure", `${kpi.name}, ${kpi.higher_is_better ? "higher" : "lower"} is better`],
        ["Baseline", unit(kpi.baseline)],
        ["Target", unit(kpi.target)],
        ["Stopped at", `${unit(kpi.kill_value)} ${worse}`],
      ]}
    />
  );
}
