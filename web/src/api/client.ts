import { Problem, problemOfResponse, unreachable } from "./problem";
import type {
  ApiKey,
  Case,
  Costs,
  DocumentRow,
  Evaluation,
  ExchangeList,
  ExchangeRecord,
  Flag,
  FlagRecord,
  IssuedKey,
  LedgerHead,
  LedgerVerification,
  Me,
  NewFlag,
  NewKey,
  NewPromotion,
  NewReview,
  NewRollback,
  NewSignoff,
  NewStage,
  PassageView,
  Projection,
  PromptMove,
  Prompts,
  Provider,
  Readiness,
  Review,
  ReviewedFlag,
  Signoff,
  StageMove,
  TrafficMinute,
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

  providers(signal?: AbortSignal): Promise<Provider[]> {
    return this.get("/providers", signal);
  }

  traffic(signal?: AbortSignal): Promise<TrafficMinute[]> {
    return this.get("/traffic", signal);
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

  keys(signal?: AbortSignal): Promise<ApiKey[]> {
    return this.get("/keys", signal);
  }

  createKey(key: NewKey): Promise<IssuedKey> {
    return this.send("POST", "/keys", key);
  }

  revokeKey(publicId: string): Promise<ApiKey> {
    return this.send("DELETE", `/keys/${encodeURIComponent(publicId)}`);
  }

  flag(flag: NewFlag): Promise<Flag> {
    return this.send("POST", "/flags", flag);
  }

  flags(
    filter: { status: string; usecase: string },
    signal?: AbortSignal,
  ): Promise<ReviewedFlag[]> {
    return this.get(`/flags?${queryOf({ limit: "200", ...filter })}`, signal);
  }

  flagRecord(id: string, signal?: AbortSignal): Promise<FlagRecord> {
    return this.get(`/flags/${encodeURIComponent(id)}`, signal);
  }

  review(review: NewReview): Promise<Review> {
    return this.send("POST", "/reviews", review);
  }

  addCase(flagId: string): Promise<Case> {
    return this.send("POST", "/cases", { flag_id: flagId });
  }

  evaluation(usecase: string, run: string, signal?: AbortSignal): Promise<Evaluation> {
    return this.get(`/evaluations/${encodeURIComponent(usecase)}?${queryOf({ run })}`, signal);
  }

  prompts(usecase: string, signal?: AbortSignal): Promise<Prompts> {
    return this.get(`/prompts/${encodeURIComponent(usecase)}`, signal);
  }

  promote(promotion: NewPromotion): Promise<PromptMove> {
    return this.send("POST", "/promotions", promotion);
  }

  rollBack(rollback: NewRollback): Promise<PromptMove> {
    return this.send("POST", "/rollbacks", rollback);
  }

  costs(window: { usecase: string; days: number }, signal?: AbortSignal): Promise<Costs> {
    const query = queryOf({ ...window, days: String(window.days), time_zone: ownTimeZone() });
    return this.get(`/costs?${query}`, signal);
  }

  projection(
    asked: { usecase: string; users: number; priced_as: string },
    signal?: AbortSignal,
  ): Promise<Projection> {
    const query = queryOf({ ...asked, users: String(asked.users), time_zone: ownTimeZone() });
    return this.get(`/projection?${query}`, signal);
  }

  readiness(usecase: string, signal?: AbortSignal): Promise<Readiness> {
    return this.get(`/readiness/${encodeURIComponent(usecase)}`, signal);
  }

  sign(signoff: NewSignoff): Promise<Signoff> {
    return this.send("POST", "/signoffs", signoff);
  }

  moveStage(move: NewStage): Promise<StageMove> {
    return this.send("POST", "/stages", move);
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

/** Without what is empty. */
function queryOf(fields: Record<string, string>): URLSearchParams {
  return new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ""));
}

const ownTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;
