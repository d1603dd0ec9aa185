import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useId } from "react";
import { Button } from "@/parts/Button";
import { Icon } from "@/parts/Icon";

/** Where questions are written. Enter sends, Shift and Enter makes a new line. */
export function Composer({
  title,
  busy,
  question,
  onChange,
  onSend,
  onStop,
  ref,
}: {
  title: string;
  busy: boolean;
  question: string;
  onChange: (question: string) => void;
  onSend: (question: string) => void;
  onStop: () => void;
  ref: RefObject<HTMLTextAreaElement | null>;
}) {
  const id = useId();

  useEffect(() => {
    ref.current?.focus({ preventScroll: true });
  }, [ref]);

  const send = () => {
    const asked = question.trim();
    if (!asked || busy) return;
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
      <div className="mx-auto max-w-3xl rounded-2xl border border-edge bg-surface p-2 shadow-sm has-[textarea:focus-visible]:border-accent has-[textarea:focus-visible]:outline-1 has-[textarea:focus-visible]:outline-accent">
        <label className="sr-only" htmlFor={id}>
          Question
        </label>
        <textarea
          className="field-sizing-content block max-h-48 min-h-11 w-full resize-none bg-transparent px-2 py-2 outline-none placeholder:text-ink-soft"
          id={id}
          onChange={(change) => onChange(change.target.value)}
          onKeyDown={press}
          placeholder={`Ask ${title}`}
          ref={ref}
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
