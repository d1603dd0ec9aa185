import { useQuery } from "@tanstack/react-query";
import type { TrafficMinute } from "@/api/types";
import { counted, readableCount, readableMs, readableUsd } from "@/format/figures";
import { Card } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { byMinute, byRoute, type Moment, type RouteSum } from "./sums";

const AGAIN_MS = 5_000;

/** The last hour, a bar for each minute, and the same by route. */
export function TrafficCard() {
  const { client } = useSession();
  const traffic = useQuery({
    queryKey: ["traffic"],
    queryFn: ({ signal }) => client.traffic(signal),
    refetchInterval: AGAIN_MS,
  });
  return (
    <Card title="Traffic of the last hour">
      {traffic.isPending && <Loading lines={4} what="the traffic" />}
      {traffic.isError && <Trouble error={traffic.error} onNext={() => traffic.refetch()} />}
      {traffic.data?.length === 0 && (
        <Empty title="Nothing was asked in the last hour.">
          Ask a question in the playground, and it shows here within seconds.
        </Empty>
      )}
      {traffic.data && traffic.data.length > 0 && <Shown minutes={traffic.data} />}
    </Card>
  );
}

function Shown({ minutes }: { minutes: TrafficMinute[] }) {
  const moments = byMinute(minutes, Date.now());
  const sums = moments.reduce(
    (sum, { exchanges, unwell }) => ({
      exchanges: sum.exchanges + exchanges,
      unwell: sum.unwell + unwell,
    }),
    { exchanges: 0, unwell: 0 },
  );
  return (
    <div className="grid gap-4">
      <Bars moments={moments} />
      <p className="text-ink-soft text-xs">
        {counted(sums.exchanges, "exchange")}, {readableCount(sums.unwell)} of them refused or
        failed. Times are of a whole exchange, from a histogram: right to about a tenth.
      </p>
      <Routes routes={byRoute(minutes)} />
    </div>
  );
}

function Bars({ moments }: { moments: Moment[] }) {
  const most = Math.max(1, ...moments.map(({ exchanges }) => exchanges));
  const words = `Exchanges for each minute of the last hour, ${readableCount(most)} at most`;
  return (
    <div>
      <p className="text-ink-soft text-xs">{readableCount(most)} a minute at most</p>
      <div aria-label={words} className="mt-1 flex h-24 items-end gap-px" role="img">
        {moments.map(({ minute_ms, exchanges, unwell }) => (
          <span
            className="flex h-full flex-1 flex-col justify-end rounded-sm bg-sunken"
            key={minute_ms}
          >
            <span className="rounded-t-sm bg-bad" style={{ height: `${(100 * unwell) / most}%` }} />
            <span
              className="rounded-b-sm bg-accent"
              style={{ height: `${(100 * (exchanges - unwell)) / most}%` }}
            />
          </span>
        ))}
      </div>
      <p className="mt-1 flex justify-between text-ink-soft text-xs">
        <span>an hour ago</span>
        <span>now</span>
      </p>
    </div>
  );
}

function Routes({ routes }: { routes: RouteSum[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
    <section aria-label="Traffic by route" className="overflow-x-auto" tabIndex={0}>
      <table className="w-full text-sm">
        <thead>
          <tr className="border-line border-b text-left text-ink-soft text-xs">
            <th className="py-2 pr-3 font-medium" scope="col">
              Use case and model
            </th>
            {["Exchanges", "Refused", "Failed", "Tokens", "Cost", "p50", "p99"].map((head) => (
              <th className="py-2 pl-3 text-right font-medium" key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {routes.map((route) => (
            <tr className="border-line not-last:border-b" key={route.name}>
              <th className="max-w-64 break-words py-2 pr-3 text-left font-normal" scope="row">
                {route.name}
              </th>
              {[
                readableCount(route.exchanges),
                readableCount(route.refused),
                readableCount(route.failed),
                readableCount(route.tokens),
                readableUsd(route.cost_nano_usd),
                readableMs(route.p50_ms),
                readableMs(route.p99_ms),
              ].map((cell, at) => (
                <td className="whitespace-nowrap py-2 pl-3 text-right tabular-nums" key={at}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
