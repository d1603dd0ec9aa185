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
        <Trouble error={usecases.error} onRetry={() => usecases.refetch()} />
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
  const end = useRef<HTMLDivElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when a question is asked
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [rounds.length]);

  if (!usecase) return null;

  const submit = (question: string) => {
    setOpened(null);
    void send(question, { key: client.key, model: usecase.model });
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
            <Button className="ml-auto" look="quiet" onClick={clear} size="small">
              New conversation
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
                  onRetry={() => submit(round.question)}
                  openNumber={round.id === opened?.round ? opened.number : null}
                  round={round}
                />
              </li>
            ))}
          </ol>
        )}
        <div className="scroll-mb-40" ref={end} />
      </div>
      <Composer busy={busy} onSend={submit} onStop={stop} title={usecase.title} />
      {shown?.provenance && citations.length > 0 && (
        <PassagePanel citations={citations} onClose={close} usecase={shown.provenance.usecase} />
      )}
    </div>
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
        {usecases.map(({ model, title, stage }) => (
          <option key={model} value={model}>
            {title} · {stageWord(stage)}
          </option>
        ))}
      </select>
    </div>
  );
}
