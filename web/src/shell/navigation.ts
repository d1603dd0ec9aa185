import type { LinkProps } from "@tanstack/react-router";
import type { Permission } from "@/api/types";
import type { IconName } from "@/parts/Icon";

export interface Destination {
  to: NonNullable<LinkProps["to"]>;
  label: string;
  icon: IconName;
  /** Permission without which the page would have nothing to show. */
  needs: Permission;
}

/** Groups follow the product's stories; a new page adds one line here and one in router.tsx. */
export const NAVIGATION: { group: string; pages: Destination[] }[] = [
  {
    group: "Serve",
    pages: [
      { to: "/", label: "Playground", icon: "chat", needs: "exchange:create" },
      { to: "/usecases", label: "Use cases", icon: "book", needs: "usecase:read" },
      { to: "/providers", label: "Providers", icon: "route", needs: "metrics:read" },
    ],
  },
  {
    group: "Govern",
    pages: [
      { to: "/exchanges", label: "Exchanges", icon: "list", needs: "exchange:read_own" },
      { to: "/ledger", label: "Ledger", icon: "chain", needs: "ledger:read" },
      { to: "/keys", label: "Keys", icon: "key", needs: "key:read" },
    ],
  },
  {
    group: "Improve",
    pages: [
      { to: "/review", label: "Review", icon: "flag", needs: "flag:read" },
      { to: "/evaluation", label: "Evaluation", icon: "target", needs: "evaluation:read" },
    ],
  },
  {
    group: "Justify",
    pages: [
      { to: "/costs", label: "Costs", icon: "coin", needs: "cost:read" },
      { to: "/readiness", label: "Readiness", icon: "gate", needs: "readiness:read" },
    ],
  },
];
