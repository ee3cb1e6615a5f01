import { useSyncExternalStore } from "react";

/** One layout for hands: below this width panels take turns. The stylesheets use the same figure. */
export const PHONE = "(max-width: 760px)";

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}
