import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem } from "@/api/problem";
import type { Projection } from "@/api/types";
import { counted, readableCount, readableUsd, shortDigest } from "@/format/figures";
import { codeWord, sentenceCase } from "@/format/words";
import { Button } from "@/parts/Button";
import { Input } from "@/parts/Field";
import { Icon } from "@/parts/Icon";
import { estimateWords, type FigureUnit, IntervalPlot } from "@/parts/Interval";
import { Card, Facts } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";

const USERS = 100;
const MOST_USERS = 1_000_000;

/** A month with so many users, from what this organisation's own users did. */
export function ProjectionCard({ usecase }: { usecase: string }) {
  const { client } = useSession();
  const [users, setUsers] = useState(String(USERS));
  const [route, setRoute] = useState("");
  const [asked, setAsked] = useState({ users: USERS, priced_as: "" });
  const projection = useQuery({
    queryKey: ["projection", usecase, asked],
    queryFn: ({ signal }) => client.projection({ usecase, ...asked }, signal),
    placeholderData: keepPreviousData,
  });
  const wanted = Math.min(MOST_USERS, Math.max(1, Math.round(Number(users)) || 1));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setUsers(String(wanted));
    setAsked({ users: wanted, priced_as: route.trim() });
  };
  return (
    <Card title="A month with more users">
      <div className="grid gap-5">
        <form
          className="grid gap-3 sm:grid-cols-[10rem_minmax(0,20rem)_auto] sm:items-start"
          onSubmit={submit}
        >
          <Input
            label="Users"
            max={MOST_USERS}
            min={1}
            onChange={(change) => setUsers(change.target.value)}
            type="number"
            value={users}
          />
          <Input
            about="Provider and model; empty for what was really paid."
            label="Priced as"
            onChange={(change) => setRoute(change.target.value)}
            placeholder="openai/gpt-5-mini"
            value={route}
          />
          <Button
            className="justify-self-start sm:mt-[1.7rem]"
            disabled={projection.isFetching}
            look="primary"
            type="submit"
          >
            {projection.isFetching ? "Projecting…" : "Project"}
          </Button>
        </form>
        {projection.isPending && <Loading what="the projection" />}
        {projection.isError && (
          <Missing error={projection.error} onNext={() => projection.refetch()} />
        )}
        {projection.data && !projection.isError && <Projected projection={projection.data} />}
      </div>
    </Card>
  );
}

function Missing({ error, onNext }: { error: Error; onNext: () => void }) {
  if (error instanceof Problem && error.code === "nothing_to_project") {
    return <Empty title={error.title}>{error.detail}</Empty>;
  }
  return <Trouble error={error} onNext={onNext} />;
}

function Projected({ projection }: { projection: Projection }) {
  return (
    <>
      <Month projection={projection} />
      {projection.cautions.length > 0 && <Cautions projection={projection} />}
      <div className="grid gap-6 md:grid-cols-2">
        <Drivers drivers={projection.inputs} title="What drives it" valued />
        <Drivers drivers={projection.sources} title="Where the width comes from" />
      </div>
      <Sample projection={projection} />
    </>
  );
}

function Month({ projection }: { projection: Projection }) {
  const { p10_nano_usd: low, p50_nano_usd: middle, p90_nano_usd: high, month } = projection;
  const who = `${counted(projection.users, "user")}, ${projection.days} days`;
  if (low === null || high === null) {
    return (
      <p>
        <span className="font-semibold text-2xl tabular-nums">{readableUsd(middle)}</span>{" "}
        <span className="text-ink-soft text-sm">for {who}. No interval can be given yet.</span>
      </p>
    );
  }
  const words = `P10 ${readableUsd(low)}, P50 ${readableUsd(middle)}, P90 ${readableUsd(high)}`;
  const estimate = {
    value: middle,
    low,
    high,
    n: projection.users_seen,
    method: month?.method ?? "",
  };
  return (
    <figure className="grid gap-2">
      <figcaption className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-semibold text-2xl tabular-nums">{readableUsd(middle)}</span>
        <span className="text-ink-soft text-sm">
          is the middle (P50) for {who}; n = {readableCount(projection.users_seen)} users seen
        </span>
      </figcaption>
      <IntervalPlot estimate={estimate} label={words} most={Math.max(high * 1.15, 1)} />
      <dl className="grid grid-cols-2 gap-x-4 text-sm">
        {[
          ["P10: one month in ten costs less", low],
          ["P90: one month in ten costs more", high],
        ].map(([name, nano]) => (
          <div className="last:text-right" key={name}>
            <dt className="text-ink-soft text-xs">{name}</dt>
            <dd className="font-medium tabular-nums">{readableUsd(Number(nano))}</dd>
          </div>
        ))}
      </dl>
      {month && (
        <p className="text-ink-soft text-xs">
          P5 to P95: {readableUsd(Math.round(month.low ?? 0))} to{" "}
          {readableUsd(Math.round(month.high ?? 0))}; {month.method}.
        </p>
      )}
    </figure>
  );
}

function Cautions({ projection }: { projection: Projection }) {
  return (
    <section aria-label="Why to trust it less" className="rounded-xl bg-warn-wash px-4 py-3">
      <h3 className="flex items-center gap-2 font-semibold text-warn">
        <Icon name="alert" />
        {projection.month ? "The sample is weaker than the interval says" : "The sample is weak"}
      </h3>
      <ul className="mt-2 grid gap-2 text-sm">
        {projection.cautions.map(({ weakness, message, advice }) => (
          <li key={weakness}>
            {message} <span className="text-ink-soft">{advice}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const UNITS: Record<string, FigureUnit> = {
  "active share of users": "share",
  "requests per active user and day": "count",
  "cost per request": "nano_usd",
};

function Drivers({
  title,
  drivers,
  valued = false,
}: {
  title: string;
  drivers: Projection["inputs"];
  valued?: boolean;
}) {
  if (drivers.length === 0) return null;
  return (
    <section className="grid content-start gap-3">
      <h3 className="font-medium text-sm">{title}</h3>
      {drivers.map(({ name, share, value }) => (
        <div className="grid gap-0.5 text-sm" key={name}>
          <p className="flex flex-wrap justify-between gap-x-3">
            <span>{sentenceCase(name)}</span>
            <span className="text-ink-soft text-xs tabular-nums">
              {estimateWords(share, "share")} of the width
            </span>
          </p>
          <IntervalPlot
            estimate={share}
            label={`${sentenceCase(name)}: ${estimateWords(share, "share")} of the width`}
          />
          {valued && value && (
            <p className="text-ink-soft text-xs">
              Seen: {estimateWords(value, UNITS[name] ?? "count")}
            </p>
          )}
        </div>
      ))}
    </section>
  );
}

function Sample({ projection }: { projection: Projection }) {
  return (
    <details className="text-sm">
      <summary className="text-ink-soft">
        Made from {counted(projection.requests_seen, "request")} of{" "}
        {counted(projection.users_seen, "user")} on {counted(projection.days_seen, "day")}
      </summary>
      <div className="mt-2">
        <Facts
          rows={[
            ["Prices", projection.priced_as || "what was paid"],
            ["Price book", projection.price_book],
            [
              "Left out",
              projection.left_out
                .map(({ name, requests }) => `${codeWord(name)}: ${counted(requests, "request")}`)
                .join("; ") || "nothing",
            ],
            ["Not over yet", projection.unfinished || "no day"],
            ["Draws", `${readableCount(projection.draws)}, seed ${projection.seed}`],
            [
              "Digest",
              <span className="break-all font-mono text-xs" key="digest" title={projection.digest}>
                {shortDigest(projection.digest)}
              </span>,
            ],
          ]}
        />
      </div>
    </details>
  );
}
