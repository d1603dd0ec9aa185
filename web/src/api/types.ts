export type Verdict = "supported" | "unsupported" | "contradicted" | "not_scanned";
export type Outcome = "passed" | "redacted" | "blocked" | "not_scanned";
export type FlagReason = "wrong" | "unsupported" | "unhelpful" | "unsafe" | "other";

export interface Me {
  id: string;
  name: string;
  kind: "person" | "service";
  organisation: string;
  team: string;
  roles: string[];
  permissions: string[];
}

export interface Kpi {
  name: string;
  unit: string;
  baseline: number;
  target: number;
  kill_value: number;
  higher_is_better: boolean;
}

export interface UseCase {
  name: string;
  title: string;
  goal: string;
  stage: string;
  model: string;
  provider: string;
  guards: string[];
  documents: number;
  passages: number;
  knowledge_version: string;
  kpi?: Kpi | null;
  roles?: Record<string, string> | null;
  examples?: string[];
}

export interface DocumentRow {
  path: string;
  title: string;
  digest: string;
  characters: number;
  passages: number;
  status: string;
  reason: string;
}

export interface PassageView {
  document: string;
  title: string;
  heading: string;
  text: string;
  start: number;
  end: number;
  before: string;
  after: string;
}

export interface ExchangeSummary {
  sequence: number;
  exchange_id: string;
  at_ms: number;
  usecase: string;
  stage: string;
  principal: string;
  status: number;
  code: string;
  grounding: string;
  blocked_by: string;
  cost_nano_usd: number | null;
  input_tokens: number;
  output_tokens: number;
  latency_ms: number;
  route: string;
  flagged: boolean;
}

export interface ExchangeList {
  items: ExchangeSummary[];
  next_before: number | null;
}

export interface Citation {
  number: number;
  document: string;
  title: string;
  passage: string;
  start: number;
  end: number;
  quote: string;
}

export interface Claim {
  start: number;
  end: number;
  verdict: string;
  score: number;
  citation: number | null;
}

export interface GuardVerdict {
  guard: string;
  surface: string;
  outcome: string;
  reason: string;
  findings: { kind: string; start: number; end: number }[];
  released_characters: number;
}

export interface Proof {
  sequence: number;
  hash: string;
  previous_hash: string;
  checkpoint_size: number;
  root: string;
  inclusion: string[];
  note: string;
}

export interface ExchangeRecord extends ExchangeSummary {
  content: "shown" | "hidden" | "erased" | "not_kept";
  question: string;
  answer: string;
  withheld: string;
  messages: { role: string; text: string }[];
  citations: Citation[];
  claims: Claim[];
  grounding_score: number;
  grounding_reason: string;
  guards: GuardVerdict[];
  hits: string[];
  release: string;
  prompt: string;
  knowledge_version: string;
  price_book: string;
  upstream_ms: number;
  cached_input_tokens: number;
  reasoning_tokens: number;
  usage_estimated: boolean;
  stream: boolean;
  cut_off: boolean;
  request_id: string;
  key_id: string;
  proof: Proof;
  events: { sequence: number; event: string; at_ms: number; principal: string }[];
}

export interface Flag {
  id: string;
  exchange_id: string;
  reason: FlagReason;
  comment: string;
  principal: string;
  at_ms: number;
}

export interface NewFlag {
  exchange_id: string;
  reason: FlagReason;
  comment: string;
}

export interface LedgerHead {
  entries: number;
  root: string;
  checkpoint: { size: number; at_ms: number; key_id: string; note: string };
}

export interface LedgerVerification {
  ok: boolean;
  entries: number;
  root: string;
  faults: string[];
  erased: number;
  checkpoints: number;
}
