import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Costs } from "@/api/types";
import { counted, readableCount, readableDay, readableUsd } from "@/format/figures";
import { Badge } from "@/parts/Badge";
import { estimateWords, Figure, IntervalPlot } from "@/parts/Interval";
import { Card, Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { Choice, UseCaseChoice } from "@/parts/UseCaseChoice";
import { useSession } from "@/session/session";
import { Breakdown } from "./Breakdown";
import { ProjectionCard } from "./ProjectionCard";

const SPANS: [number, string][] = [
  [7, "7 days"],
  [30, "30 days"],
  [90, "90 days"],
  [0, "Everything"],
];

export function CostsPage() {
  const { client } = useSession();
  const { usecase = "" } = useSearch({ from: "/costs" });
  const navigate = useNavigate();
  const [days, setDays] = useState(30);
  const costs = useQuery({
    queryKey: ["costs", usecase, days],
    queryFn: ({ signal }) => client.costs({ usecase, days }, signal),
  });
  return (
    <Page
      about="What was spent, on what and by whom, and what a month would cost with more users. Every figure comes from the entries of the ledger."
      actions={
        <div className="flex flex-wrap gap-x-4 gap-y-2">
          <Choice
            label="Look back"
            onChoose={(chosen) => setDays(Number(chosen))}
            value={String(days)}
          >
            {SPANS.map(([span, words]) => (
              <option key={span} value={span}>
                {words}
              </option>
            ))}
          </Choice>
          <UseCaseChoice
            all
            onChoose={(chosen) =>
              navigate({ to: "/costs", search: chosen ? { usecase: chosen } : {} })
            }
            value={usecase}
          />
        </div>
      }
      title="Costs"
    >
      <div className="grid gap-4">
        {costs.isPending && <Loading lines={8} what="the costs" />}
        {costs.isError && <Trouble error={costs.error} onNext={() => costs.refetch()} />}
        {costs.data && costs.data.volume.requests === 0 && (
          <Empty title="Nothing was asked in this time.">
            Look further back, or ask a question in the playground.
          </Empty>
        )}
        {costs.data && costs.data.volume.requests > 0 && (
          <>
            <Totals costs={costs.data} />
            <Breakdown costs={costs.data} />
          </>
        )}
        <ProjectionCard key={usecase} usecase={usecase} />
      </div>
    </Page>
  );
}

function Totals({ costs }: { costs: Costs }) {
  const { volume, units } = costs;
  return (
    <div className="grid gap-4 md:grid-cols-2 lg:grid-cols-4">
      <Card>
        <h2 className="text-ink-soft text-sm">Spent</h2>
        <p className="font-semibold text-2xl tabular-nums tracking-tight">
          {readableUsd(costs.total_nano_usd)}
        </p>
        <p className="text-ink-soft text-xs">
          {counted(volume.requests, "request")}, {readableCount(volume.answered)} answered,{" "}
          {readableCount(volume.accepted)} accepted
          {spanOf(costs)}
        </p>
        <p className="mt-2 flex flex-wrap gap-1.5">
          {costs.balanced ? (
            <Badge title="Lines, volumes and users agree to the nano-dollar" tone="good">
              Agrees with the ledger
            </Badge>
          ) : (
            <Badge tone="bad">Does not agree with the ledger</Badge>
          )}
          {volume.unknown_prices > 0 && (
            <Badge tone="warn">{counted(volume.unknown_prices, "price")} not known</Badge>
          )}
        </p>
      </Card>
      <Unit estimate={units.per_request} title="For each request" />
      <Unit estimate={units.per_user} title="For each user" />
      <Unit
        about="Everything spent, for each answer that was backed and that nobody flagged."
        estimate={units.per_accepted}
        title="For each accepted answer"
      />
    </div>
  );
}

function spanOf({ first_ms, last_ms }: Costs): string {
  if (first_ms === null || last_ms === null) return "";
  const [first, last] = [readableDay(first_ms), readableDay(last_ms)];
  return first === last ? `; ${first}` : `; ${first} to ${last}`;
}

function Unit({
  title,
  estimate,
  about = "Live requests whose price is known. n counts users.",
}: {
  title: string;
  estimate: Costs["units"]["per_request"];
  about?: string;
}) {
  const most = Math.max(estimate.high ?? 0, estimate.value ?? 0) * 1.15;
  return (
    <Card>
      <h2 className="text-ink-soft text-sm">{title}</h2>
      <p className="mt-1">
        <Figure estimate={estimate} unit="nano_usd" />
      </p>
      <div className="my-2">
        <IntervalPlot
          estimate={estimate}
          label={`${title}: ${estimateWords(estimate, "nano_usd")}`}
          most={most}
        />
      </div>
      <p className="text-ink-soft text-xs">{about}</p>
    </Card>
  );
}
