import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { FlagStatus, ReviewedFlag } from "@/api/types";
import { readableMoment, wholeMoment } from "@/format/figures";
import { codeWord } from "@/format/words";
import { Badge, Tag } from "@/parts/Badge";
import { Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { Choice, UseCaseChoice } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";
import { causeWord, STATUS } from "./words";

const STATUSES = Object.keys(STATUS) as FlagStatus[];

export function FlagListPage() {
  const { client } = useSession();
  const { usecase = "", status } = useSearch({ from: "/review" });
  const flags = useQuery({
    queryKey: ["flags", usecase, status],
    queryFn: ({ signal }) => client.flags({ usecase, status: status ?? "" }, signal),
  });
  return (
    <Page
      about="Answers that somebody flagged, newest first. Say why each went wrong and what would have been right; what is corrected becomes a case that every later version is measured with."
      actions={<Filters status={status} usecase={usecase} />}
      title="Review"
    >
      {flags.isPending && <Loading lines={6} what="the flags" />}
      {flags.isError && <Trouble error={flags.error} onNext={() => flags.refetch()} />}
      {flags.data?.length === 0 && <Nothing filtered={Boolean(usecase || status)} />}
      {flags.data && flags.data.length > 0 && (
        <ul className="grid gap-3">
          {flags.data.map((flag) => (
            <FlagLine flag={flag} key={flag.id} />
          ))}
        </ul>
      )}
    </Page>
  );
}

function Filters({ usecase, status }: { usecase: string; status: FlagStatus | undefined }) {
  const navigate = useNavigate();
  const go = (next: { usecase: string; status: FlagStatus | undefined }) =>
    navigate({
      to: "/review",
      search: {
        ...(next.usecase ? { usecase: next.usecase } : {}),
        ...(next.status ? { status: next.status } : {}),
      },
    });
  return (
    <div className="flex flex-wrap gap-x-4 gap-y-2">
      <Choice
        label="Status"
        onChoose={(chosen) => go({ usecase, status: STATUSES.find((known) => known === chosen) })}
        value={status ?? ""}
      >
        <option value="">All</option>
        {STATUSES.map((known) => (
          <option key={known} value={known}>
            {STATUS[known].word}
          </option>
        ))}
      </Choice>
      <UseCaseChoice all onChoose={(chosen) => go({ usecase: chosen, status })} value={usecase} />
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="No flag is like that.">Choose another filter.</Empty>;
  return (
    <Empty title="Nobody has flagged an answer yet.">
      Flags come from the playground, from an exchange, or from any program through the API.
    </Empty>
  );
}

function FlagLine({ flag }: { flag: ReviewedFlag }) {
  const { word, tone } = STATUS[flag.status];
  return (
    <li className="relative grid gap-2 rounded-xl border border-line bg-surface p-4 hover:border-accent sm:grid-cols-[minmax(0,1fr)_auto]">
      <div className="grid min-w-0 gap-1">
        <Link
          className="font-medium text-accent after:absolute after:inset-0 hover:underline"
          params={{ flagId: flag.id }}
          to="/review/$flagId"
        >
          {codeWord(flag.reason)}
        </Link>
        {flag.comment && <p className="line-clamp-2 break-words text-sm">{flag.comment}</p>}
        <p className="text-ink-soft text-xs">
          <time title={wholeMoment(flag.at_ms)}>{readableMoment(flag.at_ms)}</time>, {flag.usecase},
          by <span className="break-all">{flag.principal}</span>
        </p>
      </div>
      <div className="flex flex-wrap items-start gap-1.5">
        {flag.review && <Tag>{causeWord(flag.review.cause)}</Tag>}
        {flag.correction && !flag.review && <Tag>With correction</Tag>}
        <Badge tone={tone}>{word}</Badge>
      </div>
    </li>
  );
}
