import { Problem, problemOf, problemOfResponse, unreachable } from "./problem";
import type { Provenance } from "./provenance";
import { EventReader } from "./sse";

export interface Turn {
  role: "user" | "assistant";
  content: string;
}

export interface TokenUsage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** What a streamed answer tells, in this order; `closed` comes once, at the end. */
export type ChatEvent =
  | { kind: "opened"; exchangeId: string; requestId: string; overheadMs: number | null }
  | { kind: "text"; text: string }
  | {
      kind: "closed";
      finishReason: string;
      usage: TokenUsage | null;
      provenance: Provenance | null;
    };

interface Ask {
  key: string;
  model: string;
  messages: Turn[];
  signal: AbortSignal;
}

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: TokenUsage | null;
  passerelle?: Provenance;
  error?: unknown;
}

/** Streams one answer. Throws `Problem`; an abort by the caller throws `AbortError`. */
export async function* ask(request: Ask): AsyncGenerator<ChatEvent> {
  const response = await post(request);
  if (!response.ok || !response.body) throw await problemOfResponse(response);
  yield opened(response.headers);
  const reader = new EventReader();
  let finishReason = "";
  let usage: TokenUsage | null = null;
  let provenance: Provenance | null = null;
  for await (const piece of pieces(response.body)) {
    for (const data of reader.push(piece)) {
      if (data === "[DONE]") {
        yield { kind: "closed", finishReason, usage, provenance };
        return;
      }
      const chunk = parse(data);
      if (chunk.error) throw problemOf(502, chunk);
      const choice = chunk.choices?.[0];
      if (choice?.delta?.content) yield { kind: "text", text: choice.delta.content };
      finishReason = choice?.finish_reason ?? finishReason;
      usage = chunk.usage ?? usage;
      provenance = chunk.passerelle ?? provenance;
    }
  }
  throw new Problem(0, "cut_off", "The connection ended before the answer did.");
}

async function post({ key, model, messages, signal }: Ask): Promise<Response> {
  try {
    return await fetch("/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      }),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw unreachable();
  }
}

async function* pieces(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    // Leaving early must also end the request, so that the gateway records the cut-off.
    await reader.cancel().catch(() => {});
  }
}

function opened(headers: Headers): ChatEvent {
  const overhead = Number.parseFloat(headers.get("x-passerelle-overhead-ms") ?? "");
  return {
    kind: "opened",
    exchangeId: headers.get("x-passerelle-exchange") ?? "",
    requestId: headers.get("x-request-id") ?? "",
    overheadMs: Number.isFinite(overhead) ? overhead : null,
  };
}

function parse(data: string): Chunk {
  try {
    return JSON.parse(data) as Chunk;
  } catch {
    throw new Problem(0, "unreadable", "The stream holds something that is not JSON.");
  }
}
