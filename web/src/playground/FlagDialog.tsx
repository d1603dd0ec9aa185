import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import type { FlagReason } from "@/api/types";
import { Button } from "@/parts/Button";
import { TextArea } from "@/parts/Field";
import { Icon } from "@/parts/Icon";
import { Trouble } from "@/parts/States";
import { useSession } from "@/session/session";

const REASONS: { reason: FlagReason; words: string; about: string }[] = [
  { reason: "wrong", words: "Wrong", about: "It says something that is not so." },
  { reason: "unsupported", words: "Unsupported", about: "The sources do not say this." },
  { reason: "unhelpful", words: "Unhelpful", about: "Incomplete, or beside the point." },
  { reason: "unsafe", words: "Unsafe", about: "Harmful, private or confidential." },
  { reason: "other", words: "Other", about: "Something else; say it below." },
];
const LONGEST_COMMENT = 4000;
const LONGEST_CORRECTION = 8000;

export function FlagDialog({
  exchangeId,
  onClose,
  onFlagged,
}: {
  exchangeId: string;
  onClose: () => void;
  onFlagged?: (flag: string) => void;
}) {
  const { client } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [reason, setReason] = useState<FlagReason | null>(null);
  const [comment, setComment] = useState("");
  const [correction, setCorrection] = useState("");
  const flag = useMutation({
    mutationFn: (chosen: FlagReason) =>
      client.flag({
        exchange_id: exchangeId,
        reason: chosen,
        comment: comment.trim(),
        correction: correction.trim(),
      }),
    onSuccess: ({ id }) => onFlagged?.(id),
  });

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason) flag.mutate(reason);
  };
  return (
    <dialog
      aria-labelledby={title}
      className="m-auto w-[28rem] max-w-[calc(100vw-2rem)] rounded-2xl border border-line bg-surface p-5 shadow-2xl"
      onClose={onClose}
      ref={dialog}
    >
      {flag.isSuccess ? (
        <div className="grid justify-items-start gap-3" role="status">
          <h2 className="flex items-center gap-2 font-semibold text-lg" id={title}>
            <span className="text-good">
              <Icon name="check" size={22} />
            </span>
            Flag stored
          </h2>
          <p className="text-sm">
            Thank you. The flag is on record with the exchange, and its reviewers will see both.
          </p>
          <p className="break-all font-mono text-ink-soft text-xs">{flag.data.id}</p>
          <Button autoFocus look="primary" onClick={() => dialog.current?.close()}>
            Close
          </Button>
        </div>
      ) : (
        <form className="grid gap-4" onSubmit={submit}>
          <h2 className="font-semibold text-lg" id={title}>
            What is wrong with this answer?
          </h2>
          <Reasons onChoose={setReason} value={reason} />
          <TextArea
            label="Comment"
            maxLength={LONGEST_COMMENT}
            onChange={(change) => setComment(change.target.value)}
            placeholder="What is wrong with it?"
            value={comment}
          />
          <TextArea
            label="What should have been answered?"
            maxLength={LONGEST_CORRECTION}
            onChange={(change) => setCorrection(change.target.value)}
            placeholder="If you know it"
            value={correction}
          />
          {flag.isError && <Trouble error={flag.error} />}
          <div className="flex justify-end gap-2">
            <Button onClick={() => dialog.current?.close()}>Cancel</Button>
            <Button disabled={!reason || flag.isPending} look="primary" type="submit">
              {flag.isPending ? "Storing…" : "Store flag"}
            </Button>
          </div>
        </form>
      )}
    </dialog>
  );
}

function Reasons({
  value,
  onChoose,
}: {
  value: FlagReason | null;
  onChoose: (reason: FlagReason) => void;
}) {
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-medium text-sm">Reason</legend>
      {REASONS.map(({ reason, words, about }) => (
        <label
          className="flex items-baseline gap-2.5 rounded-lg border border-line px-3 py-2 text-sm has-checked:border-accent has-checked:bg-accent-wash has-focus-visible:outline-2 has-focus-visible:outline-accent"
          key={reason}
        >
          <input
            checked={value === reason}
            className="accent-accent"
            name="reason"
            onChange={() => onChoose(reason)}
            type="radio"
          />
          <span className="font-medium">{words}</span>
          <span className="text-ink-soft">{about}</span>
        </label>
      ))}
    </fieldset>
  );
}
