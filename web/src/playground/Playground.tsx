import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import { PassagePanel } from "@/answer/PassagePanel";
import type { UseCase } from "@/api/types";
import { stageWord } from "@/format/words";
import { Button } from "@/parts/Button";
import { Empty, Loading, Trouble } from "@/parts/States";
import { useSession } from "@/session/session";
import { Composer } from "./Composer";
import { type Round, useConversation } from "./conversation";
import { Examples } from "./Examples";
import { RoundView } from "./RoundView";

interface Opened {
  round: number;
  number: number;
}

export function Playground() {
  const { client, may } = useSession();
  const usecases = useQuery({
    queryKey: ["usecases"],
    queryFn: ({ signal }) => client.usecases(signal),
  });

  useEffect(() => {
    document.title = "Playground · Passerelle";
  }, []);

  if (!may("exchange:create")) {
    return (
      <Narrow>
        <h1 className="sr-only">Playground</h1>
        <Empty title="Your key may not ask questions.">
          Ask an administrator for a role with the permission exchange:create. What others asked is
          under Exchanges, as far as you may see it.
        </Empty>
      </Narrow>
    );
  }
  if (usecases.isPending) {
    return (
      <Narrow>
        <Loading what="the use cases" />
      </Narrow>
    );
  }
  if (usecases.isError) {
    return (
      <Narrow>
        <Trouble error={usecases.error} onNext={() => usecases.refetch()} />
      </Narrow>
    );
  }
  if (usecases.data.length === 0) {
    return (
      <Narrow>
        <h1 className="sr-only">Playground</h1>
        <Empty title="No use case is served yet.">
          Start one with <code className="font-mono">passerelle init NAME</code>, then restart the
          gateway.
        </Empty>
      </Narrow>
    );
  }
  return <Desk usecases={usecases.data} />;
}

function Narrow({ children }: { children: React.ReactNode }) {
  return <div className="mx-auto max-w-3xl px-4 py-10">{children}</div>;
}

function Desk({ usecases }: { usecases: UseCase[] }) {
  const { client } = useSession();
  const { rounds, busy, send, clear, stop } = useConversation();
  const [chosen, setChosen] = useState(() => rounds.at(-1)?.model ?? usecases[0]?.model ?? "");
  const [opened, setOpened] = useState<Opened | null>(null);
  const returnTo = useRef<HTMLElement | null>(null);
  const usecase = usecases.find(({ model }) => model === chosen) ?? usecases[0];
  const [draft, setDraft] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  useFollowing(rounds);

  if (!usecase) return null;

  const submit = (question: string) => {
    setOpened(null);
    setDraft("");
    void send(question, { key: client.key, model: usecase.model });
  };
  const edit = (question: string) => {
    setDraft(question);
    field.current?.focus();
  };
  const open = (round: Round, number: number) => {
    returnTo.current = document.activeElement as HTMLElement | null;
    setOpened({ round: round.id, number });
  };
  const close = () => {
    setOpened(null);
    returnTo.current?.focus();
  };
  const shown = rounds.find(({ id }) => id === opened?.round);
  const citations =
    shown?.provenance?.citations.filter(({ number }) => number === opened?.number) ?? [];

  return (
    <div
      className={`flex min-h-[calc(100dvh-3.4rem)] flex-col lg:min-h-dvh ${opened ? "sm:pr-[26rem]" : ""}`}
    >
      <header className="sticky top-[3.4rem] z-10 border-line border-b bg-paper/95 backdrop-blur lg:top-0">
        <div className="mx-auto flex max-w-3xl items-center gap-3 px-4 py-2.5">
          <h1 className="sr-only">Playground</h1>
          <ModelChoice onChoose={setChosen} usecases={usecases} value={usecase.model} />
          {rounds.length > 0 && (
            <Button className="ml-auto whitespace-nowrap" look="quiet" onClick={clear} size="small">
              <span>
                New<span className="max-sm:sr-only"> conversation</span>
              </span>
            </Button>
          )}
        </div>
      </header>
      <div className="mx-auto w-full max-w-3xl flex-1 px-4 py-6">
        {rounds.length === 0 ? (
          <Examples onAsk={submit} usecase={usecase} />
        ) : (
          <ol className="grid gap-8">
            {rounds.map((round) => (
              <li className="min-w-0" key={round.id}>
                <RoundView
                  onOpen={(number) => open(round, number)}
                  onEdit={() => edit(round.question)}
                  onRetry={() => submit(round.question)}
                  openNumber={round.id === opened?.round ? opened.number : null}
                  round={round}
                />
              </li>
            ))}
          </ol>
        )}
      </div>
      <Composer
        busy={busy}
        onChange={setDraft}
        onSend={submit}
        onStop={stop}
        question={draft}
        ref={field}
        title={usecase.title}
      />
      {shown?.provenance && citations.length > 0 && (
        <PassagePanel citations={citations} onClose={close} usecase={shown.provenance.usecase} />
      )}
    </div>
  );
}

const NEAR = 260;

/** Keeps the end in sight while an answer grows, unless the reader has scrolled away from it. */
function useFollowing(rounds: readonly Round[]): void {
  const asked = useRef(rounds.length);
  useEffect(() => {
    const page = document.documentElement;
    const below = page.scrollHeight - page.scrollTop - page.clientHeight;
    if (rounds.length > asked.current || below < NEAR) page.scrollTop = page.scrollHeight;
    asked.current = rounds.length;
  }, [rounds]);
}

/** One choice for each stage, by the shortest of its names. */
function choicesOf(usecases: UseCase[]): UseCase[] {
  const byStage = Map.groupBy(usecases, ({ name, stage }) => `${name} ${stage}`);
  return [...byStage.values()].flatMap((models) =>
    models.sort((one, other) => one.model.length - other.model.length).slice(0, 1),
  );
}

function ModelChoice({
  usecases,
  value,
  onChoose,
}: {
  usecases: UseCase[];
  value: string;
  onChoose: (model: string) => void;
}) {
  const id = useId();
  return (
    <div className="flex min-w-0 items-center gap-2">
      <label className="text-ink-soft text-sm max-sm:sr-only" htmlFor={id}>
        Use case
      </label>
      <select
        className="min-h-9 min-w-0 truncate rounded-lg border border-edge bg-surface px-2 text-sm"
        id={id}
        onChange={(change) => onChoose(change.target.value)}
        value={value}
      >
        {choicesOf(usecases).map(({ model, title, stage }) => (
          <option key={model} value={model}>
            {title} · {stageWord(stage)}
          </option>
        ))}
      </select>
    </div>
  );
}
