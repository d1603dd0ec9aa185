import { createContext, type ReactNode, useContext, useMemo, useReducer, useRef } from "react";
import { ask, type TokenUsage, type Turn } from "@/api/chat";
import type { Provenance } from "@/api/provenance";

/** A question, and what became of it so far. */
export interface Round {
  id: number;
  model: string;
  question: string;
  answer: string;
  state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  exchangeId: string;
  requestId: string;
  overheadMs: number | null;
  firstTextMs: number | null;
  totalMs: number | null;
  finishReason: string;
  usage: TokenUsage | null;
  provenance: Provenance | null;
  problem: unknown;
  flag: string;
}

export interface Conversation {
  rounds: Round[];
  busy: boolean;
  send: (question: string, options: { key: string; model: string }) => Promise<void>;
  stop: () => void;
  clear: () => void;
  markFlagged: (id: number, flag: string) => void;
}

type Change =
  | { kind: "asked"; round: Round }
  | { kind: "changed"; id: number; round: Partial<Round> }
  | { kind: "grew"; id: number; text: string }
  | { kind: "cleared" };

function next(rounds: Round[], change: Change): Round[] {
  const at = (id: number, edit: (round: Round) => Round) =>
    rounds.map((round) => (round.id === id ? edit(round) : round));
  switch (change.kind) {
    case "asked":
      return [...rounds, change.round];
    case "changed":
      return at(change.id, (round) => ({ ...round, ...change.round }));
    case "grew":
      return at(change.id, (round) => ({ ...round, answer: round.answer + change.text }));
    case "cleared":
      return [];
  }
}

const ConversationContext = createContext<Conversation | null>(null);

/** Keeps the conversation while the reader looks at other pages. */
export function Conversations({ children }: { children: ReactNode }) {
  const [rounds, change] = useReducer(next, []);
  const running = useRef<AbortController | null>(null);
  const count = useRef(0);

  const conversation = useMemo<Conversation>(() => {
    const send: Conversation["send"] = async (question, { key, model }) => {
      running.current?.abort();
      const control = new AbortController();
      running.current = control;
      const id = ++count.current;
      change({ kind: "asked", round: newRound(id, model, question) });
      const messages = [...historyOf(rounds), { role: "user" as const, content: question }];
      try {
        await follow({ key, model, messages, signal: control.signal }, (step) =>
          change(
            step.text
              ? { kind: "grew", id, text: step.text }
              : { kind: "changed", id, round: step },
          ),
        );
      } catch (problem) {
        const ended = control.signal.aborted ? "stopped" : "failed";
        change({
          kind: "changed",
          id,
          round: { state: ended, problem: ended === "failed" ? problem : null },
        });
      } finally {
        if (running.current === control) running.current = null;
      }
    };
    return {
      rounds,
      busy: rounds.some(({ state }) => state === "waiting" || state === "streaming"),
      send,
      stop: () => running.current?.abort(),
      clear: () => {
        running.current?.abort();
        change({ kind: "cleared" });
      },
      markFlagged: (id, flag) => change({ kind: "changed", id, round: { flag } }),
    };
  }, [rounds]);
  return <ConversationContext value={conversation}>{children}</ConversationContext>;
}

export function useConversation(): Conversation {
  const conversation = useContext(ConversationContext);
  if (!conversation) throw new Error("useConversation outside of Conversations");
  return conversation;
}

function newRound(id: number, model: string, question: string): Round {
  return {
    id,
    model,
    question,
    answer: "",
    state: "waiting",
    exchangeId: "",
    requestId: "",
    overheadMs: null,
    firstTextMs: null,
    totalMs: null,
    finishReason: "",
    usage: null,
    provenance: null,
    problem: null,
    flag: "",
  };
}

/** Earlier rounds that have an answer; a refused question is not sent again. */
function historyOf(rounds: Round[]): Turn[] {
  return rounds
    .filter(({ answer, state }) => answer && (state === "done" || state === "stopped"))
    .flatMap(({ question, answer }) => [
      { role: "user" as const, content: question },
      { role: "assistant" as const, content: answer },
    ]);
}

type Step = Partial<Round> & { text?: string };

async function follow(request: Parameters<typeof ask>[0], tell: (step: Step) => void) {
  const began = performance.now();
  let first = true;
  for await (const event of ask(request)) {
    if (event.kind === "opened") {
      const { exchangeId, requestId, overheadMs } = event;
      tell({ state: "streaming", exchangeId, requestId, overheadMs });
    } else if (event.kind === "text") {
      if (first) tell({ firstTextMs: performance.now() - began });
      first = false;
      tell({ text: event.text });
    } else {
      const { finishReason, usage, provenance } = event;
      const totalMs = performance.now() - began;
      tell({ state: "done", finishReason, usage, provenance, totalMs });
    }
  }
}
