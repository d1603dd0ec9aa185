/** What went wrong, in the words of the server, with its stable code. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail = "",
    readonly retryAfterSeconds: number | null = null,
  ) {
    super([title, detail].filter(Boolean).join(" "));
  }
}

export function unreachable(): Problem {
  return new Problem(0, "unreachable", "The gateway cannot be reached.");
}

type Loose = Record<string, unknown>;

const isRecord = (value: unknown): value is Loose => typeof value === "object" && value !== null;
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Reads OpenAI's envelope and RFC 9457 alike. */
export function problemOf(
  status: number,
  body: unknown,
  retryAfter: string | null = null,
): Problem {
  const seconds = retryAfter === null ? null : Number.parseFloat(retryAfter);
  const wait = seconds !== null && Number.isFinite(seconds) ? seconds : null;
  if (isRecord(body) && isRecord(body.error)) {
    const { message, code } = body.error;
    const [title, detail] = headlineOf(text(message));
    return new Problem(status, text(code) || `http_${status}`, title, detail, wait);
  }
  if (isRecord(body)) {
    const code = text(body.code) || `http_${status}`;
    // The control plane repeats no detail that its title already holds.
    return new Problem(
      status,
      code,
      text(body.title) || "Request failed.",
      text(body.detail),
      wait,
    );
  }
  return new Problem(status, `http_${status}`, "The server gave no reason.", "", wait);
}

/** The first sentence of a message, and what follows it. */
function headlineOf(message: string): [string, string] {
  const [, title = message, detail = ""] = /^(.+?[.!?])\s+(.+)$/s.exec(message) ?? [];
  return [title, detail];
}

export async function problemOfResponse(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return problemOf(response.status, body, response.headers.get("retry-after"));
}

const ADVICE: Record<string, string> = {
  unreachable: "Check that it runs (make run) and that this address is right, then try again.",
  invalid_api_key: "Sign out and sign in with a valid key.",
  permission_denied:
    "Your key's roles do not allow this. Ask an administrator for a role that does.",
  insufficient_quota:
    "The budget of this use case is used up. Ask its business owner to raise it, or wait for the next period.",
  rate_limit_exceeded: "Too many requests in a short time. Wait a moment, then try again.",
  model_not_found: "Choose another use case; this one does not exist or is not open to you.",
  ledger_unavailable:
    "The ledger takes no entries, and nothing is answered that cannot be recorded. An operator should run passerelle doctor.",
  unavailable: "Try again in a moment. If it stays, an operator should run passerelle doctor.",
  shutting_down: "The gateway is restarting. Try again in a moment.",
  request_too_large: "Shorten the text or start a new conversation.",
  internal_error: "Try again. If it stays, give the request id to an operator.",
};

/** What the reader can do next. */
export function adviceFor(problem: Problem): string {
  if (problem.retryAfterSeconds !== null && problem.status === 429) {
    return `Try again in ${Math.ceil(problem.retryAfterSeconds)} s.`;
  }
  return ADVICE[problem.code] ?? (problem.status >= 500 ? "Try again in a moment." : "");
}
