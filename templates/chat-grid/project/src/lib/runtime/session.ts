// The visitor's sign-in token for this app. Kept per app, because several apps may share an origin.

const keyFor = (appSlug: string) => `published-app-auth-token:${appSlug}`;

/** The stored token, or null. A browser that forbids storage counts as signed out. */
export function readToken(appSlug: string): string | null {
  try {
    return localStorage.getItem(keyFor(appSlug));
  } catch {
    return null;
  }
}

/** Stores the token; null signs out. */
export function writeToken(appSlug: string, token: string | null): void {
  try {
    if (token === null) localStorage.removeItem(keyFor(appSlug));
    else localStorage.setItem(keyFor(appSlug), token);
  } catch {
    // Without storage the sign-in lasts until the page is left, which is all the browser allows.
  }
}

export function authHeaders(appSlug: string): Record<string, string> {
  const token = readToken(appSlug);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}
