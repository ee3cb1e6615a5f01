// The routes of an app that were seen, the latest first: what the route bar suggests.
import { readStored, writeStored } from "../../components/stored";

/** More are no help in a list. */
export const MAX_ROUTES = 30;
/** What is longer is an address with data in it, not a page to come back to. */
const MAX_LENGTH = 200;

/** The routes with `route` as the latest; the same list when nothing changes. */
export function withRoute(routes: readonly string[], route: string): readonly string[] {
  if (route === "" || route.length > MAX_LENGTH || routes[0] === route) return routes;
  return [route, ...routes.filter((seen) => seen !== route)].slice(0, MAX_ROUTES);
}

export function readRoutes(app: string): readonly string[] {
  try {
    const stored: unknown = JSON.parse(readStored(`routes.${app}`) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return stored.filter((route) => typeof route === "string").slice(0, MAX_ROUTES);
  } catch {
    return [];
  }
}

export function rememberRoutes(app: string, routes: readonly string[]): void {
  writeStored(`routes.${app}`, JSON.stringify(routes));
}

/** The ones to suggest for what is typed; everything while the text is still the page that is shown. */
export function suggested(routes: readonly string[], typed: string, current: string): readonly string[] {
  const text = typed.trim().toLowerCase();
  if (text === "" || typed === current) return routes.filter((route) => route !== current);
  return routes.filter((route) => route !== typed && route.toLowerCase().includes(text));
}
