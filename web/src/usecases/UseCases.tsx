import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { UseCase } from "@/api/types";
import { counted } from "@/format/figures";
import { stageWord } from "@/format/words";
import { Tag } from "@/parts/Badge";
import { Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";

export function UseCasesPage() {
  const { client } = useSession();
  const usecases = useQuery({
    queryKey: ["usecases"],
    queryFn: ({ signal }) => client.usecases(signal),
  });
  return (
    <Page about="What is built here, for whom, and how far it is." title="Use cases">
      {usecases.isPending && <Loading what="the use cases" />}
      {usecases.isError && <Trouble error={usecases.error} onNext={() => usecases.refetch()} />}
      {usecases.data?.length === 0 && (
        <Empty title="No use case is served yet.">
          Start one with <code className="font-mono">passerelle init NAME</code>, then restart the
          gateway.
        </Empty>
      )}
      <ul className="grid gap-4 md:grid-cols-2">
        {byName(usecases.data ?? []).map(([name, stages]) => (
          <li key={name}>
            <UseCaseCard name={name} stages={stages} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

/** One use case may be served at several stages. */
function byName(usecases: UseCase[]): [string, UseCase[]][] {
  return [...Map.groupBy(usecases, ({ name }) => name)];
}

function UseCaseCard({ name, stages }: { name: string; stages: UseCase[] }) {
  const [first] = stages;
  if (!first) return null;
  return (
    <div className="relative h-full rounded-xl border border-line bg-surface p-5 transition-colors hover:border-accent">
      <h2 className="font-semibold text-lg">
        <Link className="after:absolute after:inset-0" params={{ name }} to="/usecases/$name">
          {first.title}
        </Link>
      </h2>
      <p className="mt-1 text-ink-soft text-sm">{first.goal}</p>
      <div className="mt-4 flex flex-wrap gap-1.5">
        {[...new Set(stages.map(({ stage }) => stage))].map((stage) => (
          <Tag key={stage}>{stageWord(stage)}</Tag>
        ))}
        <Tag>{counted(first.documents, "document")}</Tag>
        <Tag>{counted(new Set(first.guards).size, "guard")}</Tag>
      </div>
    </div>
  );
}
