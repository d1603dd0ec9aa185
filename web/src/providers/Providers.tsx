import { useQuery } from "@tanstack/react-query";
import type { Provider, ProviderTarget } from "@/api/types";
import { counted, readableMs } from "@/format/figures";
import { codeWord } from "@/format/words";
import { Badge, Tag, type Tone } from "@/parts/Badge";
import { Card, Page } from "@/parts/Page";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { TrafficCard } from "./TrafficCard";

const AGAIN_MS = 5_000;

export function ProvidersPage() {
  const { client } = useSession();
  const providers = useQuery({
    queryKey: ["providers"],
    queryFn: ({ signal }) => client.providers(signal),
    refetchInterval: AGAIN_MS,
  });
  return (
    <Page
      about="Where answers come from, how each model has stood since the start, and what is answered now."
      title="Providers"
    >
      <div className="grid gap-4">
        <TrafficCard />
        {providers.isPending && <Loading lines={6} what="the providers" />}
        {providers.isError && (
          <Trouble error={providers.error} onNext={() => providers.refetch()} />
        )}
        {providers.data?.map((provider) => (
          <ProviderCard key={provider.name} provider={provider} />
        ))}
      </div>
    </Page>
  );
}

function ProviderCard({ provider }: { provider: Provider }) {
  return (
    <Card
      actions={
        <p className="flex flex-wrap gap-1.5">
          {provider.kind !== provider.name && <Tag>{provider.kind}</Tag>}
          {provider.address && <Tag>{provider.address}</Tag>}
          {provider.address && !provider.has_key && <Badge tone="neutral">No key</Badge>}
          {provider.direct && <Badge tone="neutral">Can be asked directly</Badge>}
        </p>
      }
      title={provider.name}
    >
      {provider.targets.length === 0 ? (
        <Empty title="No route leads here.">
          Name this provider in the [route] of a use case, or ask one of its models directly.
        </Empty>
      ) : (
        <TargetTable provider={provider} />
      )}
    </Card>
  );
}

function TargetTable({ provider }: { provider: Provider }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
    <section aria-label={`Models of ${provider.name}`} className="overflow-x-auto" tabIndex={0}>
      <table className="w-full text-sm">
        <thead>
          <tr className="border-line border-b text-left text-ink-soft text-xs">
            {["Model", "Health", "Routes"].map((head) => (
              <th className="py-2 pr-3 font-medium" key={head} scope="col">
                {head}
              </th>
            ))}
            {["Calls", "Failed", "Time"].map((head) => (
              <th className="py-2 pl-3 text-right font-medium" key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {provider.targets.map((target) => (
            <tr className="border-line align-top not-last:border-b" key={target.model}>
              <th className="max-w-64 break-words py-2 pr-3 text-left font-normal" scope="row">
                {target.model}
              </th>
              <td className="py-2 pr-3">
                <Health target={target} />
              </td>
              <td className="max-w-56 break-words py-2 pr-3 text-ink-soft">
                {target.routes.join(", ") || "asked directly"}
              </td>
              <td className="py-2 pl-3 text-right tabular-nums">{target.calls}</td>
              <td className="py-2 pl-3 text-right tabular-nums">{target.failures}</td>
              <td className="whitespace-nowrap py-2 pl-3 text-right tabular-nums">
                {target.latency_ms > 0 ? readableMs(target.latency_ms) : "–"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const LOOK: Record<ProviderTarget["circuit"], { tone: Tone; words: string }> = {
  closed: { tone: "good", words: "Answers" },
  half_open: { tone: "warn", words: "Is being tried" },
  open: { tone: "bad", words: "Rests" },
};

function Health({ target }: { target: ProviderTarget }) {
  if (target.calls === 0) return <Badge tone="neutral">Not asked yet</Badge>;
  const { tone, words } = LOOK[target.circuit];
  return (
    <div className="grid justify-items-start gap-1">
      <Badge tone={tone}>
        {words}
        {target.circuit === "open" && ` for ${counted(Math.ceil(target.rests_seconds), "second")}`}
      </Badge>
      {target.last_failure && (
        <span className="text-ink-soft text-xs">last failure: {codeWord(target.last_failure)}</span>
      )}
    </div>
  );
}
