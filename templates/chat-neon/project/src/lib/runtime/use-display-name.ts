// The app's name as the host knows it; the fallback is what the template calls itself.
import { useEffect, useState } from "react";
import { loadRuntimeConfig } from "./config";

export function useDisplayName(fallback: string): string {
  const [name, setName] = useState(fallback);

  useEffect(() => {
    let isCurrent = true;
    void loadRuntimeConfig().then((config) => {
      if (!isCurrent) return;
      const known = config.displayName ?? fallback;
      setName(known);
      document.title = known;
    });
    return () => {
      isCurrent = false;
    };
  }, [fallback]);

  return name;
}
