import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { AnswerText } from "@/answer/AnswerText";
import { PassagePanel } from "@/answer/PassagePanel";
import { ClaimList, GroundingBadge, GuardList, Legend } from "@/answer/Verdicts";
import type { ExchangeRecord } from "@/api/types";
import { readableMoment, wholeMoment } from "@/format/figures";
import { Badge } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";
import { Card, Page } from "@/parts/Page";
import { Loading, Trouble } from "@/parts/States";
import { FlagDialog } from "@/playground/FlagDialog";
import { useSession } from "@/session/session";
import { ExchangeFacts } from "./ExchangeFacts";
import { ProofCard } from "./ProofCard";
import { StatusBadge } from "./StatusBadge";

export function ExchangeDetailPage() {
  const { client } = useSession();
  const { exchangeId } = useParams({ from: "/exchanges/$exchangeId" });
  const exchange = useQuery({
    queryKey: ["exchange", exchangeId],
    queryFn: ({ signal }) => client.exchange(exchangeId, signal),
    // Reading the content is recorded, so it is read again only when the reader asks.
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Page
      about={
        <span className="grid gap-1">
          <Link
            className="inline-flex items-center gap-1 text-accent hover:underline"
            to="/exchanges"
          >
            <Icon name="back" size={15} />
            All exchanges
          </Link>
          <span className="break-all font-mono text-xs">{exchangeId}</span>
        </span>
      }
      actions={exchange.data && <FlagAction exchange={exchange.data} />}
      title="Exchange"
    >
      {exchange.isPending && <Loading lines={8} what="the exchange" />}
      {exchange.isError && <Trouble error={exchange.error} onNext={() => exchange.refetch()} />}
      {exchange.data && <Detail exchange={exchange.data} />}
    </Page>
  );
}

function FlagAction({ exchange }: { exchange: ExchangeRecord }) {
  const { may } = useSession();
  const [flagging, setFlagging] = useState(false);
  const [flagged, setFlagged] = useState(exchange.flagged);
  return (
    <div className="flex items-center gap-3">
      {flagged && <Badge tone="warn">Flagged</Badge>}
      {may("flag:create") && (
        <Button onClick={() => setFlagging(true)} size="small">
          <Icon name="flag" size={15} />
          Flag
        </Button>
      )}
      {flagging && (
        <FlagDialog
          exchangeId={exchange.exchange_id}
          onClose={() => setFlagging(false)}
          onFlagged={() => setFlagged(true)}
        />
      )}
    </div>
  );
}

function Detail({ exchange }: { exchange: ExchangeRecord }) {
  return (
    <div className="grid gap-4 lg:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
      <div className="grid min-w-0 content-start gap-4">
        <div className="flex flex-wrap items-center gap-2">
          <StatusBadge code={exchange.code} status={exchange.status} />
          <GroundingBadge
            reason={exchange.grounding_reason}
            score={exchange.grounding_score}
            verdict={exchange.grounding}
          />
          {exchange.cut_off && <Badge tone="neutral">Cut off by the client</Badge>}
        </div>
        <Said exchange={exchange} />
        <Card title="Grounding, claim by claim">
          <ClaimList claims={exchange.claims} text={exchange.answer} />
        </Card>
        <Card title="Guards">
          <GuardList guards={exchange.guards} />
        </Card>
      </div>
      <div className="grid min-w-0 content-start gap-4">
        <Card title="Facts">
          <ExchangeFacts exchange={exchange} />
        </Card>
        <ProofCard proof={exchange.proof} />
        <Card title="Events">
          <Timeline events={exchange.events} />
        </Card>
      </div>
    </div>
  );
}

const UNSEEN = {
  hidden: "Your key may see that this exchange took place, but not what was said.",
  erased: "What was said has been erased. The entry and its proof remain.",
  not_kept: "This stage keeps no content; only the facts are on record.",
};

function Said({ exchange }: { exchange: ExchangeRecord }) {
  const [openNumber, setOpenNumber] = useState<number | null>(null);
  const returnTo = useRef<HTMLElement | null>(null);
  if (exchange.content !== "shown") {
    return (
      <Card title="Question and answer">
        <p className="text-ink-soft text-sm">{UNSEEN[exchange.content]}</p>
      </Card>
    );
  }
  const citations = exchange.citations.filter(({ number }) => number === openNumber);
  const open = (number: number) => {
    returnTo.current = document.activeElement as HTMLElement | null;
    setOpenNumber(number);
  };
  const close = () => {
    setOpenNumber(null);
    returnTo.current?.focus();
  };
  return (
    <>
      <Card title="Question">
        <p className="whitespace-pre-wrap break-words">
          {exchange.question || "No question was put."}
        </p>
      </Card>
      <Card title="Answer">
        <div className="grid gap-3">
          {exchange.answer ? (
            <AnswerText
              citations={exchange.citations}
              claims={exchange.claims}
              onOpen={open}
              openNumber={openNumber}
              text={exchange.answer}
            />
          ) : (
            <p className="text-ink-soft text-sm">No answer was given.</p>
          )}
          <Legend claims={exchange.claims} />
          {exchange.withheld && <Withheld text={exchange.withheld} />}
        </div>
      </Card>
      {citations.length > 0 && (
        <PassagePanel citations={citations} onClose={close} usecase={exchange.usecase} />
      )}
    </>
  );
}

function Withheld({ text }: { text: string }) {
  return (
    <details className="rounded-lg bg-warn-wash px-3 py-2 text-sm">
      <summary className="font-medium text-warn">What the model said, which was not sent</summary>
      <p className="mt-2 whitespace-pre-wrap break-words">{text}</p>
    </details>
  );
}

function Timeline({ events }: { events: ExchangeRecord["events"] }) {
  return (
    <ol className="grid gap-3 text-sm">
      {events.map(({ sequence, event, at_ms, principal }) => (
        <li className="border-line border-l-2 pl-3" key={sequence}>
          <p className="flex flex-wrap justify-between gap-x-3">
            <span className="font-medium">{event.replaceAll(/[._]/g, " ")}</span>
            <time className="text-ink-soft tabular-nums" title={wholeMoment(at_ms)}>
              {readableMoment(at_ms)}
            </time>
          </p>
          <p className="break-all text-ink-soft text-xs">
            Entry {sequence}, by {principal}
          </p>
        </li>
      ))}
    </ol>
  );
}
