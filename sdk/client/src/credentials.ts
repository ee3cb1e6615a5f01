// What vouches for the caller: an API key, a token of the host product, the builder's own cookie, or something in between.

/** A token, asked for when there is none yet, when it is about to expire, and when it was refused. */
export type TokenSource = () => string | Promise<string>;

export type Auth =
  /** An API key (`vt_…`). For servers: whoever has it is you. */
  | { key: string }
  /** Tokens of the host product, or keys that do not last. */
  | { token: TokenSource }
  /** The builder page's cookie, on its own origin alone; the token against forged requests is taken care of. */
  | { cookie: true };

/** A token is not used in the last moments before its end: clocks differ, and answers take time. */
const EXPIRES_SOON_MS = 30_000;

export interface Credentials {
  /** Headers for a call. */
  headers(isMutation: boolean): Promise<Record<string, string>>;
  /** After a refusal: true when the call is worth another attempt with other headers. */
  renew(status: number, isMutation: boolean): Promise<boolean>;
  /** What a WebSocket says instead of a header. */
  protocols(): Promise<string[]>;
  /** How `fetch` treats cookies. */
  readonly mode: RequestCredentials;
}

/** `readCsrfToken` asks the server (`GET /v1/me`). */
export function credentialsOf(
  auth: Auth | undefined,
  readCsrfToken: () => Promise<string | undefined>,
): Credentials {
  if (auth === undefined) return NOTHING;
  if ("key" in auth) return new Bearer(() => auth.key, false);
  if ("token" in auth) return new Bearer(auth.token, true);
  return new BuilderCookie(readCsrfToken);
}

/** Whatever stands in between, such as the product's own server, adds what is needed. */
const NOTHING: Credentials = {
  mode: "same-origin",
  headers: async () => ({}),
  renew: async () => false,
  protocols: async () => [],
};

class Bearer implements Credentials {
  readonly mode = "omit";
  readonly #source: TokenSource;
  readonly #isRenewable: boolean;
  #token: Promise<string> | undefined;

  constructor(source: TokenSource, isRenewable: boolean) {
    this.#source = source;
    this.#isRenewable = isRenewable;
  }

  async headers(): Promise<Record<string, string>> {
    return { Authorization: `Bearer ${await this.#current()}` };
  }

  async renew(status: number): Promise<boolean> {
    if (!this.#isRenewable || status !== 401) return false;
    this.#token = undefined;
    return true;
  }

  async protocols(): Promise<string[]> {
    return [`bearer.${await this.#current()}`];
  }

  async #current(): Promise<string> {
    // Calls at the same time ask once.
    this.#token ??= this.#ask();
    const token = await this.#token;
    if (!this.#isRenewable || !expiresSoon(token)) return token;
    this.#token = this.#ask();
    return this.#token;
  }

  #ask(): Promise<string> {
    const asked = Promise.resolve().then(this.#source);
    // A source that fails is asked again by the next call.
    asked.catch(() => {
      if (this.#token === asked) this.#token = undefined;
    });
    return asked;
  }
}

class BuilderCookie implements Credentials {
  readonly mode = "same-origin";
  readonly #read: () => Promise<string | undefined>;
  #token: Promise<string | undefined> | undefined;

  constructor(read: () => Promise<string | undefined>) {
    this.#read = read;
  }

  async headers(isMutation: boolean): Promise<Record<string, string>> {
    if (!isMutation) return {};
    this.#token ??= this.#read().catch(() => undefined);
    const token = await this.#token;
    return token === undefined ? {} : { "X-CSRF-Token": token };
  }

  /** A sign-in in another tab gave this browser another cookie, and with it another token. */
  async renew(status: number, isMutation: boolean): Promise<boolean> {
    if (status !== 403 || !isMutation) return false;
    const before = await this.#token;
    this.#token = this.#read().catch(() => undefined);
    const now = await this.#token;
    return now !== undefined && now !== before;
  }

  async protocols(): Promise<string[]> {
    return [];
  }
}

/** Whether `token` is a JWT that ends within moments. Others are used until they are refused. */
function expiresSoon(token: string): boolean {
  const payload = token.split(".")[1];
  if (payload === undefined) return false;
  try {
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: unknown };
    return typeof exp === "number" && exp * 1000 - Date.now() < EXPIRES_SOON_MS;
  } catch {
    return false;
  }
}
