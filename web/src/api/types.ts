/** The words of the API. `npm run types` makes schema.d.ts anew from openapi.json. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Citation = Schemas["CitedPassage"];
export type Claim = Schemas["Claim"];
export type DocumentRow = Schemas["Document"];
export type ExchangeList = Schemas["ExchangeList"];
export type ExchangeRecord = Schemas["ExchangeRecord"];
export type ExchangeSummary = Schemas["ExchangeSummary"];
export type Flag = Schemas["Flag"];
export type FlagReason = Schemas["FlagReason"];
export type GuardVerdict = Schemas["GuardVerdict"];
export type Kpi = Schemas["UseCaseKpi"];
export type LedgerHead = Schemas["LedgerHead"];
export type LedgerVerification = Schemas["LedgerVerification"];
export type Me = Schemas["Me"];
export type NewFlag = Schemas["NewFlag"];
export type PassageView = Schemas["PassageInPlace"];
export type Permission = Schemas["Permission"];
export type Proof = Schemas["Proof"];
/** A server may give questions to start with; without them the documents' titles serve. */
export type UseCase = Schemas["UseCase"];
export type Support = Schemas["Support"];
