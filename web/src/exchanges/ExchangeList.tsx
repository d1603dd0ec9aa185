import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useId } from "react";
import { GroundingBadge } from "@/answer/Verdicts";
import type { ExchangeSummary } from "@/api/types";
import {
  readableCount,
  readableMoment,
  readableMs,
  readableUsd,
  wholeMoment,
} from "@/format/figures";
import { guardWord } from "@/format/words";
import { Badge } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { StatusBadge } from "./StatusBadge";

export function ExchangeListPage() {
  const { client, may } = useSession();
  const { usecase = "" } = useSearch({ from: "/exchanges" });
  const pages = useInfiniteQuery({
    queryKey: ["exchanges", usecase],
    queryFn: ({ pageParam, signal }) => client.exchanges({ usecase, before: pageParam }, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next_before,
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const about = may("exchange:read")
    ? "Every request and what became of it, newest first. What was said stands in the exchange itself; opening it is recorded."
    : "Your own requests and what became of them, newest first.";
  return (
    <Page about={about} actions={<Filter usecase={usecase} />} title="Exchanges">
      {pages.isPending && <Loading lines={8} what="exchanges" />}
      {pages.isError && items.length === 0 && (
        <Trouble error={pages.error} onNext={() => pages.refetch()} />
      )}
      {pages.isSuccess && items.length === 0 && !pages.hasNextPage && <Nothing usecase={usecase} />}
      {items.length > 0 && <Rows items={items} />}
      <div className="mt-4 grid justify-items-center gap-3">
        {pages.isFetchNextPageError && <Trouble error={pages.error} />}
        {pages.hasNextPage && (
          <Button disabled={pages.isFetchingNextPage} onClick={() => pages.fetchNextPage()}>
            {pages.isFetchingNextPage ? "Loading…" : "Load more"}
          </Button>
        )}
      </div>
    </Page>
  );
}

function Filter({ usecase }: { usecase: string }) {
  const { client } = useSession();
  const navigate = useNavigate();
  const id = useId();
  const usecases = useQuery({
    queryKey: ["usecases"],
    queryFn: ({ signal }) => client.usecases(signal),
  });
  const names = new Set((usecases.data ?? []).map(({ name }) => name));
  if (usecase) names.add(usecase);
  return (
    <div className="flex items-center gap-2">
      <label className="text-ink-soft text-sm" htmlFor={id}>
        Use case
      </label>
      <select
        className="min-h-9 rounded-lg border border-edge bg-surface px-2 text-sm"
        id={id}
        onChange={(change) => {
          const chosen = change.target.value;
          navigate({ to: "/exchanges", search: chosen ? { usecase: chosen } : {} });
        }}
        value={usecase}
      >
        <option value="">All</option>
        {[...names].map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </div>
  );
}

function Nothing({ usecase }: { usecase: string }) {
  return (
    <Empty title={usecase ? `Nobody has asked ${usecase} anything yet.` : "No exchanges yet."}>
      Ask a question in the{" "}
      <Link className="text-accent underline" to="/">
        playground
      </Link>
      , or with any OpenAI client; it appears here.
    </Empty>
  );
}

const COLUMNS = ["Time", "Use case", "Status", "Grounding", "Guards", "Tokens", "Cost", "Latency"];

// Rows become cards on narrow screens.
function Rows({ items }: { items: ExchangeSummary[] }) {
  return (
    <div className="md:overflow-x-auto md:rounded-xl md:border md:border-line md:bg-surface">
      <table className="w-full text-sm max-md:block">
        <thead className="max-md:sr-only">
          <tr className="border-line border-b text-left text-ink-soft text-xs">
            {COLUMNS.map((column) => (
              <th
                className={`px-3 py-2.5 font-medium ${NUMERIC.has(column) ? "text-right" : ""}`}
                key={column}
                scope="col"
              >
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="max-md:grid max-md:gap-3">
          {items.map((item) => (
            <Row item={item} key={item.sequence} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const NUMERIC = new Set(["Tokens", "Cost", "Latency"]);
const CELL = "px-3 py-2.5 align-top max-md:p-0";
const FIGURE = `${CELL} text-right tabular-nums whitespace-nowrap max-md:text-left max-md:text-ink-soft`;

function Row({ item }: { item: ExchangeSummary }) {
  return (
    <tr className="relative hover:bg-sunken max-md:flex max-md:flex-wrap max-md:items-center max-md:gap-x-3 max-md:gap-y-2 max-md:rounded-xl max-md:border max-md:border-line max-md:bg-surface max-md:p-4 md:border-line md:not-last:border-b">
      <td className={`${CELL} whitespace-nowrap max-md:w-full`}>
        <Link
          className="font-medium text-accent tabular-nums after:absolute after:inset-0 hover:underline"
          params={{ exchangeId: item.exchange_id }}
          title={wholeMoment(item.at_ms)}
          to="/exchanges/$exchangeId"
        >
          {readableMoment(item.at_ms)}
        </Link>
      </td>
      <td className={`${CELL} max-md:w-full`}>
        <span className="break-all">
          {item.usecase || "–"}
          {item.stage && <span className="text-ink-soft">@{item.stage}</span>}
        </span>
        {item.route && <span className="block break-all text-ink-soft text-xs">{item.route}</span>}
      </td>
      <td className={CELL}>
        <span className="flex flex-wrap gap-1.5">
          <StatusBadge code={item.code} status={item.status} />
          {item.flagged && <Badge tone="warn">Flagged</Badge>}
        </span>
      </td>
      <td className={CELL}>
        <GroundingBadge verdict={item.grounding} />
      </td>
      <td className={CELL}>
        {item.blocked_by ? (
          <Badge tone="bad">Blocked: {guardWord(item.blocked_by)}</Badge>
        ) : (
          <span className="text-ink-soft">None blocked</span>
        )}
      </td>
      <td className={FIGURE}>
        {readableCount(item.input_tokens)} → {readableCount(item.output_tokens)}
        <span className="md:sr-only"> tokens</span>
      </td>
      <td className={FIGURE}>{readableUsd(item.cost_nano_usd)}</td>
      <td className={FIGURE}>{readableMs(item.latency_ms)}</td>
    </tr>
  );
}
