import { Problem, problemOfResponse, unreachable } from "./problem";
import type {
  DocumentRow,
  ExchangeList,
  ExchangeRecord,
  Flag,
  LedgerHead,
  LedgerVerification,
  Me,
  NewFlag,
  PassageView,
  UseCase,
} from "./types";

/** The control plane, spoken to with one API key. */
export class Client {
  constructor(
    readonly key: string,
    private readonly onUnauthenticated: (problem: Problem) => void = () => {},
  ) {}

  me(signal?: AbortSignal): Promise<Me> {
    return this.get("/me", signal);
  }

  usecases(signal?: AbortSignal): Promise<UseCase[]> {
    return this.get("/usecases", signal);
  }

  documents(usecase: string, signal?: AbortSignal): Promise<DocumentRow[]> {
    return this.get(`/documents/${encodeURIComponent(usecase)}`, signal);
  }

  passage(usecase: string, id: string, signal?: AbortSignal): Promise<PassageView> {
    const path = `/passages/${encodeURIComponent(usecase)}/${encodeURIComponent(id)}`;
    return this.get(path, signal);
  }

  exchanges(
    page: { usecase: string; before: number | null; limit?: number },
    signal?: AbortSignal,
  ): Promise<ExchangeList> {
    const query = new URLSearchParams({ limit: String(page.limit ?? 50) });
    if (page.usecase) query.set("usecase", page.usecase);
    if (page.before !== null) query.set("before", String(page.before));
    return this.get(`/exchanges?${query}`, signal);
  }

  exchange(id: string, signal?: AbortSignal): Promise<ExchangeRecord> {
    return this.get(`/exchanges/${encodeURIComponent(id)}`, signal);
  }

  ledger(signal?: AbortSignal): Promise<LedgerHead> {
    return this.get("/ledger", signal);
  }

  verifyLedger(): Promise<LedgerVerification> {
    return this.send("POST", "/ledger/verifications");
  }

  flag(flag: NewFlag): Promise<Flag> {
    return this.send("POST", "/flags", flag);
  }

  private get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
    return this.call(path, signal ? { signal } : {});
  }

  private send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.call(path, { method, ...json });
  }

  private async call<Answer>(path: string, init: RequestInit): Promise<Answer> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.key}` };
    if (init.body) headers["content-type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(`/api/v1${path}`, { ...init, headers });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw unreachable();
    }
    if (!response.ok) {
      const problem = await problemOfResponse(response);
      if (problem.status === 401) this.onUnauthenticated(problem);
      throw problem;
    }
    try {
      return (await response.json()) as Answer;
    } catch {
      throw new Problem(response.status, "unreadable", "The server's answer is not JSON.");
    }
  }
}
