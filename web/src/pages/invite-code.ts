// The code of an invitation, as its link has it.
const MARK = "#invite=";

/** The code that the address holds; behind the `#`, so that no server's log has it. */
export function inviteCode(): string | undefined {
  return location.hash.startsWith(MARK) ? location.hash.slice(MARK.length) : undefined;
}
