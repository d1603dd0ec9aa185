import type { Tone } from "@/parts/Badge";

interface Word {
  word: string;
  tone: Tone;
}

const SUPPORT: Record<string, Word> = {
  supported: { word: "Supported", tone: "good" },
  unsupported: { word: "Not supported", tone: "warn" },
  contradicted: { word: "Contradicted", tone: "bad" },
  not_scanned: { word: "Not checked", tone: "neutral" },
};

const OUTCOME: Record<string, Word> = {
  passed: { word: "passed", tone: "good" },
  redacted: { word: "redacted", tone: "warn" },
  blocked: { word: "blocked", tone: "bad" },
  not_scanned: { word: "not checked", tone: "warn" },
};

const STAGES: Record<string, string> = {
  poc: "Proof of concept",
  pilot: "Pilot",
  limited: "Limited",
  production: "Production",
  retired: "Retired",
};

const plain = (code: string): string => code.replaceAll("_", " ");

export const supportWord = (verdict: string): Word =>
  SUPPORT[verdict] ?? { word: plain(verdict), tone: "neutral" };
export const outcomeWord = (outcome: string): Word =>
  OUTCOME[outcome] ?? { word: plain(outcome), tone: "neutral" };
export const stageWord = (stage: string): string => STAGES[stage] ?? plain(stage);
export const guardWord = plain;
/** A code as words: "business_owner" becomes "Business owner". */
export const codeWord = (code: string): string => sentenceCase(plain(code));

/** "personal data" becomes "Personal data". */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
