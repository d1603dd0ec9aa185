import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import type { Cause, FlagRecord, Review } from "@/api/types";
import { wholeMoment } from "@/format/figures";
import { Button } from "@/parts/Button";
import { TextArea } from "@/parts/Field";
import { Icon } from "@/parts/Icon";
import { Card, Facts } from "@/parts/Page";
import { Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { CAUSES, causeWord } from "./words";

const LONGEST_CORRECTION = 8000;
const MOST_DOCUMENTS = 20;

/** What was found about a flag, the form to say it, and the step to a case. */
export function ReviewCard({ flag }: { flag: FlagRecord }) {
  const { may } = useSession();
  const [again, setAgain] = useState(false);
  const writing = may("flag:review") && (flag.review === null || again);
  if (!writing && flag.review === null) {
    return (
      <Card title="Review">
        <p className="text-ink-soft text-sm">Nobody has looked at it yet.</p>
      </Card>
    );
  }
  return (
    <Card title="Review">
      {writing ? (
        <ReviewForm flag={flag} onCancel={flag.review ? () => setAgain(false) : null} />
      ) : (
        flag.review && (
          <div className="grid gap-4">
            <Found review={flag.review} />
            <Next flag={flag} onAgain={() => setAgain(true)} review={flag.review} />
          </div>
        )
      )}
    </Card>
  );
}

function Found({ review }: { review: Review }) {
  return (
    <Facts
      rows={[
        ["Cause", causeWord(review.cause)],
        [
          "Should be",
          <span className="whitespace-pre-wrap" key="correction">
            {review.correction || "no correction"}
          </span>,
        ],
        [
          "Documents",
          review.documents.length === 0 ? (
            "none named"
          ) : (
            <ul key="documents">
              {review.documents.map((path) => (
                <li className="break-all font-mono text-xs" key={path}>
                  {path}
                </li>
              ))}
            </ul>
          ),
        ],
        [
          "By",
          <span className="break-all font-mono text-xs" key="by">
            {review.reviewer}
          </span>,
        ],
        ["Time", wholeMoment(review.at_ms)],
      ]}
    />
  );
}

function Next({
  flag,
  review,
  onAgain,
}: {
  flag: FlagRecord;
  review: Review;
  onAgain: () => void;
}) {
  const { client, may } = useSession();
  const queries = useQueryClient();
  const adding = useMutation({
    mutationFn: () => client.addCase(flag.id),
    onSuccess: async () => {
      queries.setQueryData<FlagRecord>(["flag", flag.id], { ...flag, status: "dispatched" });
      await queries.invalidateQueries({ queryKey: ["flags"] });
    },
  });
  const measurable =
    review.cause !== "not_wrong" &&
    (review.correction !== "" || review.cause === "knowledge_missing");
  return (
    <div className="grid gap-3">
      {adding.isError && <Trouble error={adding.error} />}
      {flag.status === "dispatched" && (
        <p
          className="flex items-start gap-2 rounded-lg bg-good-wash px-3 py-2 text-sm"
          role="status"
        >
          <span className="mt-0.5 text-good">
            <Icon name="check" />
          </span>
          <span>
            It is a case now. Run{" "}
            <code className="font-mono text-xs">passerelle eval run {flag.usecase}</code> to see who
            gets it right.
          </span>
        </p>
      )}
      {!measurable && flag.status === "reviewed" && (
        <p className="text-ink-soft text-sm">
          {review.cause === "not_wrong"
            ? "The answer was right, so there is nothing to measure."
            : "Say what should have been answered, and it can become a case."}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {may("case:write") && measurable && (
          <Button
            disabled={adding.isPending}
            look={flag.status === "dispatched" ? "plain" : "primary"}
            onClick={() => adding.mutate()}
          >
            {wordFor(adding.isPending, flag.status === "dispatched")}
          </Button>
        )}
        {may("flag:review") && <Button onClick={onAgain}>Review again</Button>}
      </div>
    </div>
  );
}

/** Adding again replaces the case, which follows a second review. */
function wordFor(pending: boolean, isCase: boolean): string {
  if (pending) return "Adding…";
  return isCase ? "Update the case" : "Add as case";
}

function ReviewForm({ flag, onCancel }: { flag: FlagRecord; onCancel: (() => void) | null }) {
  const { client } = useSession();
  const queries = useQueryClient();
  const { review } = flag;
  const [cause, setCause] = useState<Cause | null>(review?.cause ?? null);
  const [correction, setCorrection] = useState(review?.correction ?? flag.correction);
  const [documents, setDocuments] = useState(review?.documents ?? cited(flag));
  const right = cause === "not_wrong";
  const storing = useMutation({
    mutationFn: (chosen: Cause) =>
      client.review({
        flag_id: flag.id,
        cause: chosen,
        correction: right ? "" : correction.trim(),
        documents: right ? [] : documents,
      }),
    onSuccess: async (stored) => {
      queries.setQueryData<FlagRecord>(["flag", flag.id], {
        ...flag,
        status: flag.status === "open" ? "reviewed" : flag.status,
        review: stored,
      });
      await queries.invalidateQueries({ queryKey: ["flags"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (cause) storing.mutate(cause);
  };
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <Causes onChoose={setCause} value={cause} />
      {!right && (
        <>
          <TextArea
            about={
              cause === "knowledge_missing"
                ? "Empty means that the right answer is not to know."
                : "Without it, it cannot become a case."
            }
            label="What should have been answered?"
            maxLength={LONGEST_CORRECTION}
            onChange={(change) => setCorrection(change.target.value)}
            value={correction}
          />
          <DocumentsField onChange={setDocuments} usecase={flag.usecase} value={documents} />
        </>
      )}
      {storing.isError && <Trouble error={storing.error} />}
      <div className="flex justify-end gap-2">
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        <Button disabled={!cause || storing.isPending} look="primary" type="submit">
          {storing.isPending ? "Storing…" : "Store review"}
        </Button>
      </div>
    </form>
  );
}

const cited = (flag: FlagRecord): string[] => [
  ...new Set(flag.citations.map(({ document }) => document)),
];

function Causes({ value, onChoose }: { value: Cause | null; onChoose: (cause: Cause) => void }) {
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-medium text-sm">Why was it so?</legend>
      {CAUSES.map(({ cause, words, about }) => (
        <label
          className="grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-2.5 sm:grid-cols-[auto_7.5rem_minmax(0,1fr)] rounded-lg border border-line px-3 py-2 text-sm has-checked:border-accent has-checked:bg-accent-wash has-focus-visible:outline-2 has-focus-visible:outline-accent"
          key={cause}
        >
          <input
            checked={value === cause}
            className="accent-accent"
            name="cause"
            onChange={() => onChoose(cause)}
            type="radio"
          />
          <span className="font-medium">{words}</span>
          <span className="text-ink-soft max-sm:col-start-2">{about}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Documents that hold the right answer, chosen by path. */
function DocumentsField({
  usecase,
  value,
  onChange,
}: {
  usecase: string;
  value: string[];
  onChange: (documents: string[]) => void;
}) {
  const { client, may } = useSession();
  const id = useId();
  const documents = useQuery({
    queryKey: ["documents", usecase],
    queryFn: ({ signal }) => client.documents(usecase, signal),
    enabled: may("knowledge:read"),
  });
  const left = (documents.data ?? []).filter(({ path }) => !value.includes(path));
  return (
    <div className="grid gap-1.5 text-sm">
      <label className="font-medium" htmlFor={id}>
        Documents that say so
      </label>
      {value.map((path) => (
        <span className="flex items-center gap-2 rounded-lg bg-sunken pl-3" key={path}>
          <span className="min-w-0 flex-1 break-all font-mono text-xs">{path}</span>
          <Button
            aria-label={`Remove ${path}`}
            look="quiet"
            onClick={() => onChange(value.filter((kept) => kept !== path))}
            size="square"
          >
            <Icon name="cross" size={15} />
          </Button>
        </span>
      ))}
      <select
        className="min-h-10 min-w-0 rounded-lg border border-edge bg-paper px-2"
        disabled={value.length >= MOST_DOCUMENTS}
        id={id}
        onChange={(change) => onChange([...value, change.target.value])}
        value=""
      >
        <option disabled value="">
          {documents.isError ? "The documents cannot be listed" : "Add a document"}
        </option>
        {left.map(({ path }) => (
          <option key={path}>{path}</option>
        ))}
      </select>
    </div>
  );
}
