import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { AnswerText } from "@/answer/AnswerText";
import { PassagePanel } from "@/answer/PassagePanel";
import { Legend } from "@/answer/Verdicts";
import type { FlagRecord } from "@/api/types";
import { wholeMoment } from "@/format/figures";
import { codeWord } from "@/format/words";
import { Badge } from "@/parts/Badge";
import { Icon } from "@/parts/Icon";
import { Card, Facts, Page } from "@/parts/Page";
import { Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { ReviewCard } from "./ReviewCard";
import { STATUS } from "./words";

export function FlagDetailPage() {
  const { client } = useSession();
  const { flagId } = useParams({ from: "/review/$flagId" });
  const flag = useQuery({
    queryKey: ["flag", flagId],
    queryFn: ({ signal }) => client.flagRecord(flagId, signal),
    // Reading what others asked is recorded, so it is read again only after a change.
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Page
      about={
        <Link className="inline-flex items-center gap-1 text-accent hover:underline" to="/review">
          <Icon name="back" size={15} />
          All flags
        </Link>
      }
      actions={flag.data && <Status flag={flag.data} />}
      title="Flagged answer"
    >
      {flag.isPending && <Loading lines={8} what="the flag" />}
      {flag.isError && <Trouble error={flag.error} onNext={() => flag.refetch()} />}
      {flag.data && (
        <div className="grid gap-4 lg:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)]">
          <div className="grid min-w-0 content-start gap-4">
            <Transcript flag={flag.data} />
          </div>
          <div className="grid min-w-0 content-start gap-4">
            <Card title="Flag">
              <FlagFacts flag={flag.data} />
            </Card>
            <ReviewCard flag={flag.data} key={flag.data.review?.id ?? "new"} />
          </div>
        </div>
      )}
    </Page>
  );
}

function Status({ flag }: { flag: FlagRecord }) {
  const { word, tone } = STATUS[flag.status];
  return <Badge tone={tone}>{word}</Badge>;
}

function FlagFacts({ flag }: { flag: FlagRecord }) {
  return (
    <Facts
      rows={[
        ["Reason", codeWord(flag.reason)],
        ["Comment", flag.comment || "none"],
        ["Should be", flag.correction || "not said"],
        ["Time", wholeMoment(flag.at_ms)],
        ["Use case", flag.usecase],
        ["By", <Code key="by" text={flag.principal} />],
        [
          "Exchange",
          <Link
            className="break-all font-mono text-accent text-xs hover:underline"
            key="exchange"
            params={{ exchangeId: flag.exchange_id }}
            to="/exchanges/$exchangeId"
          >
            {flag.exchange_id}
          </Link>,
        ],
      ]}
    />
  );
}

function Code({ text }: { text: string }) {
  return <span className="break-all font-mono text-xs">{text}</span>;
}

const UNSEEN = {
  hidden: "Your key may review this flag, but not read what was asked and answered.",
  erased: "What was said has been erased. The entry and its proof remain.",
  not_kept: "This stage keeps no content; only the facts are on record.",
};

function Transcript({ flag }: { flag: FlagRecord }) {
  const [openNumber, setOpenNumber] = useState<number | null>(null);
  const returnTo = useRef<HTMLElement | null>(null);
  if (flag.content !== "shown") {
    return (
      <Card title="Question and answer">
        <p className="text-ink-soft text-sm">{UNSEEN[flag.content]}</p>
      </Card>
    );
  }
  const earlier = flag.messages.filter(({ role }) => role !== "system").slice(0, -1);
  const opened = flag.citations.filter(({ number }) => number === openNumber);
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
      {earlier.length > 0 && <Earlier messages={earlier} />}
      <Card title="Question">
        <p className="whitespace-pre-wrap break-words">{flag.question || "No question was put."}</p>
      </Card>
      <Card title="Answer">
        <div className="grid gap-3">
          {flag.answer ? (
            <AnswerText
              citations={flag.citations}
              claims={flag.claims}
              onOpen={open}
              openNumber={openNumber}
              text={flag.answer}
            />
          ) : (
            <p className="text-ink-soft text-sm">No answer was given.</p>
          )}
          <Legend claims={flag.claims} />
          {flag.withheld && (
            <details className="rounded-lg bg-warn-wash px-3 py-2 text-sm">
              <summary className="font-medium text-warn">
                What the model said, which was not sent
              </summary>
              <p className="mt-2 whitespace-pre-wrap break-words">{flag.withheld}</p>
            </details>
          )}
        </div>
      </Card>
      {opened.length > 0 && (
        <PassagePanel citations={opened} onClose={close} usecase={flag.usecase} />
      )}
    </>
  );
}

function Earlier({ messages }: { messages: FlagRecord["messages"] }) {
  return (
    <Card title="Before it">
      <ol className="grid gap-3 text-sm">
        {messages.map(({ role, text }, at) => (
          <li className="border-line border-l-2 pl-3" key={`${role} ${messages.length - at}`}>
            <p className="text-ink-soft text-xs">{role === "user" ? "Asked" : "Answered"}</p>
            <p className="whitespace-pre-wrap break-words">{text}</p>
          </li>
        ))}
      </ol>
    </Card>
  );
}
