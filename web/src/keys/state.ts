import type { ApiKey } from "@/api/types";

export type KeyState = "active" | "expired" | "revoked";

export function stateOf(
  { revoked_at_ms, expires_at_ms }: Pick<ApiKey, "revoked_at_ms" | "expires_at_ms">,
  now = Date.now(),
): KeyState {
  if (revoked_at_ms !== null) return "revoked";
  return expires_at_ms !== null && expires_at_ms <= now ? "expired" : "active";
}
