import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Evaluation, FailedCase } from "@/api/types";
import { counted } from "@/format/figures";
import { codeWord, supportWord } from "@/format/words";
import { Badge, Tag } from "@/parts/Badge";
import { Button } from "@/parts/Button";
import { Card, Facts } from "@/parts/Page";

const PAGE = 10;
const ANSWERED = 200;

/** Every case that was not answered rightly, with what was expected beside what was said. */
export function FailedCases({ evaluation }: { evaluation: Evaluation }) {
  const [shown, setShown] = useState(PAGE);
  const { failed, cases } = evaluation;
  return (
    <Card title={`Cases that fail: ${failed.length} of ${cases}`}>
      {failed.length === 0 ? (
        <p className="text-ink-soft text-sm">Every case was answered rightly.</p>
      ) : (
        <ul className="grid divide-y divide-line">
          {failed.slice(0, shown).map((each) => (
            <li key={each.id}>
              <FailedLine failed={each} />
            </li>
          ))}
        </ul>
      )}
      {failed.length > shown && (
        <div className="mt-3 flex justify-center">
          <Button onClick={() => setShown(shown + 5 * PAGE)} size="small">
            Show more, {counted(failed.length - shown, "case")} left
          </Button>
        </div>
      )}
    </Card>
  );
}

function FailedLine({ failed }: { failed: FailedCase }) {
  return (
    <details className="group py-2.5 text-sm">
      <summary className="grid list-none gap-x-4 gap-y-1.5 sm:grid-cols-[minmax(0,1fr)_auto]">
        <span className="min-w-0">
          <span className="break-words font-medium group-open:text-accent">{failed.question}</span>
          <span className="block break-all font-mono text-ink-soft text-xs">{failed.id}</span>
        </span>
        <span className="flex flex-wrap items-start gap-1.5">
          <Tag>{codeWord(failed.slice)}</Tag>
          <Badge tone="bad">{whyOf(failed)}</Badge>
        </span>
      </summary>
      <div className="mt-3 grid gap-3 rounded-lg bg-sunken p-3">
        <Facts rows={rowsOf(failed)} />
      </div>
    </details>
  );
}

function whyOf({ answerable, refused, status, cited }: FailedCase): string {
  if (!answerable) return "Answered, should refuse";
  if (status !== ANSWERED) return `Refused with ${status}`;
  if (refused) return "Refused, should answer";
  return cited ? "Answer lacks the reference" : "Answer and source are wrong";
}

function rowsOf(failed: FailedCase): [string, ReactNode][] {
  return [
    ["Expected", failed.answerable ? failed.reference : "to say that it does not know"],
    [
      "Answered",
      <span className="whitespace-pre-wrap" key="answer">
        {failed.answer || "nothing"}
      </span>,
    ],
    ["Should cite", failed.documents.join(", ") || "nothing"],
    ["Cites", failed.cited_documents.join(", ") || "nothing"],
    ["Support", supportWord(failed.support).word],
    [
      "Comes from",
      failed.provenance.startsWith("flag:") ? (
        <Link
          className="text-accent hover:underline"
          key="flag"
          params={{ flagId: failed.provenance.slice("flag:".length) }}
          to="/review/$flagId"
        >
          a flag
        </Link>
      ) : (
        "the cases file"
      ),
    ],
    ...(failed.exchange_id
      ? ([
          [
            "Exchange",
            <Link
              className="break-all font-mono text-accent text-xs hover:underline"
              key="exchange"
              params={{ exchangeId: failed.exchange_id }}
              to="/exchanges/$exchangeId"
            >
              {failed.exchange_id}
            </Link>,
          ],
        ] as [string, ReactNode][])
      : []),
  ];
}
