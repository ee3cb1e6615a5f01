// Addresses inside the preview.

/** What was typed as a path, as one: `about` and `/about` are the same; an address keeps its path only. */
export function routeOf(typed: string): string {
  const text = typed.trim();
  const address = /^https?:\/\/[^/]*(.*)$/i.exec(text);
  const path = address ? (address[1] ?? "") : text;
  return path.startsWith("/") ? path : `/${path}`;
}

/**
 * `previewUrl` (with its token, if it has one) at another route. A gateway that takes its token at a path of its own is
 * left alone for the home route; other routes then go by the cookie it has given.
 */
export function previewUrlAt(previewUrl: string, route: string): string {
  const url = new URL(previewUrl);
  const wanted = new URL(routeOf(route), url.origin);
  if (wanted.pathname === "/" && wanted.search === "" && wanted.hash === "") return previewUrl;
  if (url.pathname === "/")
    for (const [key, value] of url.searchParams) wanted.searchParams.append(key, value);
  return wanted.href;
}
