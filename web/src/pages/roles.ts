// Who may what; every role may do what the ones before it may.
import type { Role } from "../api/settings-types";
import type { Me } from "../api/types";

export const ROLES: readonly Role[] = ["viewer", "editor", "admin", "owner"];

/** Whether `role` may do what `least` may. */
export function isAtLeast(role: Role | undefined, least: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** The roles that somebody may give: at most their own. */
export function givable(me: Pick<Me, "role">): readonly Role[] {
  return ROLES.filter((role) => isAtLeast(me.role, role));
}
