import type { ReactNode } from "react";
import type { ExchangeRecord } from "@/api/types";
import { readableCount, readableMs, readableUsd, shortDigest, wholeMoment } from "@/format/figures";
import { stageWord } from "@/format/words";
import { Facts } from "@/parts/Page";

export function ExchangeFacts({ exchange }: { exchange: ExchangeRecord }) {
  const rows: [string, ReactNode][] = [
    ["Time", wholeMoment(exchange.at_ms)],
    ["Use case", exchange.usecase || "–"],
    ["Stage", exchange.stage ? stageWord(exchange.stage) : "–"],
    ["Answered by", exchange.route || "no model was asked"],
    ["Asked by", <Code key="principal" text={exchange.principal} />],
    ["Cost", costOf(exchange)],
    ["Tokens", tokensOf(exchange)],
    [
      "Latency",
      `${readableMs(exchange.latency_ms)}, ${readableMs(exchange.upstream_ms)} of it upstream`,
    ],
    ["Sent as", exchange.stream ? "stream" : "whole answer"],
    ["Release", <Digest digest={exchange.release} key="release" />],
    ["Prompt", <Digest digest={exchange.prompt} key="prompt" />],
    ["Knowledge", <Digest digest={exchange.knowledge_version} key="knowledge" />],
    ["Request", <Code key="request" text={exchange.request_id} />],
    ["Key", <Code key="key" text={exchange.key_id} />],
  ];
  return <Facts rows={rows} />;
}

function costOf({ cost_nano_usd, price_book }: ExchangeRecord): string {
  const cost = readableUsd(cost_nano_usd);
  return price_book ? `${cost}, prices of ${price_book}` : cost;
}

function tokensOf(exchange: ExchangeRecord): string {
  const parts = [
    `${readableCount(exchange.input_tokens)} in`,
    exchange.cached_input_tokens > 0 &&
      `${readableCount(exchange.cached_input_tokens)} of them cached`,
    `${readableCount(exchange.output_tokens)} out`,
    exchange.reasoning_tokens > 0 &&
      `${readableCount(exchange.reasoning_tokens)} of them reasoning`,
    exchange.usage_estimated && "counted by us",
  ];
  return parts.filter(Boolean).join(", ");
}

function Digest({ digest }: { digest: string }) {
  return (
    <span className="font-mono text-xs" title={digest}>
      {digest ? shortDigest(digest) : "–"}
    </span>
  );
}

function Code({ text }: { text: string }) {
  return <span className="break-all font-mono text-xs">{text || "–"}</span>;
}
