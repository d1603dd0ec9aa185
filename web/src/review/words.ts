import type { Cause, FlagStatus } from "@/api/types";
import type { Tone } from "@/parts/Badge";

export const STATUS: Record<FlagStatus, { word: string; tone: Tone }> = {
  open: { word: "Open", tone: "warn" },
  reviewed: { word: "Reviewed", tone: "neutral" },
  dispatched: { word: "Added as case", tone: "good" },
};

export const CAUSES: { cause: Cause; words: string; about: string }[] = [
  { cause: "retrieval", words: "Not found", about: "The documents say it; it was not retrieved." },
  { cause: "knowledge_missing", words: "Not documented", about: "No document says it." },
  {
    cause: "wording",
    words: "Prompt",
    about: "It was found, and the prompt made too little of it.",
  },
  { cause: "guard", words: "Guard", about: "It held back what was right, or let wrong through." },
  { cause: "model", words: "Model", about: "It was found and asked well, and still got wrong." },
  { cause: "not_wrong", words: "Not wrong", about: "The answer was right; the flag was mistaken." },
  { cause: "other", words: "Other", about: "Something else." },
];

export const causeWord = (cause: Cause): string =>
  CAUSES.find((known) => known.cause === cause)?.words ?? cause;
