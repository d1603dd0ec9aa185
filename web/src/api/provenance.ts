import type { Citation, Claim, GuardVerdict } from "./types";

/** The `passerelle` object that the gateway adds to an answer of OpenAI's shape. */
export interface Provenance {
  exchange_id: string;
  usecase: string;
  stage: string;
  release: string;
  citations: Citation[];
  grounding: { verdict: string; score: number; claims: Claim[]; reason: string };
  guards: GuardVerdict[];
  route: { provider: string; model: string };
  cost_nano_usd: number | null;
  price: string;
}
