import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";

/** Where questions are written. Enter sends, Shift and Enter makes a new line. */
export function Composer({
  title,
  busy,
  onSend,
  onStop,
}: {
  title: string;
  busy: boolean;
  onSend: (question: string) => void;
  onStop: () => void;
}) {
  const [question, setQuestion] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const id = useId();

  useEffect(() => field.current?.focus({ preventScroll: true }), []);

  const send = () => {
    const asked = question.trim();
    if (!asked || busy) return;
    setQuestion("");
    onSend(asked);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const press = (event: KeyboardEvent) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form className="sticky bottom-0 bg-paper px-4 pt-2 pb-4" onSubmit={submit}>
      <div className="mx-auto max-w-3xl rounded-2xl border border-edge bg-surface p-2 shadow-sm has-[textarea:focus-visible]:outline-2 has-[textarea:focus-visible]:outline-accent">
        <label className="sr-only" htmlFor={id}>
          Question
        </label>
        <textarea
          className="field-sizing-content block max-h-48 min-h-11 w-full resize-none bg-transparent px-2 py-2 outline-none placeholder:text-ink-soft"
          id={id}
          onChange={(change) => setQuestion(change.target.value)}
          onKeyDown={press}
          placeholder={`Ask ${title}`}
          ref={field}
          rows={1}
          value={question}
        />
        <div className="flex items-center justify-between gap-2 pl-2">
          <p className="text-ink-soft text-xs max-sm:invisible">
            Enter sends, Shift + Enter starts a new line
          </p>
          {busy ? (
            <Button onClick={onStop} size="small">
              <Icon name="stop" size={16} />
              Stop
            </Button>
          ) : (
            <Button disabled={question.trim() === ""} look="primary" size="small" type="submit">
              Send
              <Icon name="send" size={16} />
            </Button>
          )}
        </div>
      </div>
    </form>
  );
}
