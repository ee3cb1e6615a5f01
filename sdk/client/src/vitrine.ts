// The client: one Vitrine server, seen with one caller's eyes.
import { type AppHandle, Apps } from "./apps.js";
import type { Me, NewPassword, SignIn, TemplateList, TemplateView, TenantUsage } from "./generated.js";
import { type CallOptions, Http, type HttpOptions } from "./http.js";
import { Operator, Tenants } from "./operator.js";
import { Audit, Invites, Keys, Members, PackagePolicies } from "./tenant.js";

export class Vitrine {
  /** For calls that have no method here: `client.http.json("GET /v1/me", {})`, with the types of `Operations`. */
  readonly http: Http;
  readonly apps: Apps;
  readonly templates: Templates;
  readonly account: Account;
  readonly members: Members;
  readonly invites: Invites;
  readonly keys: Keys;
  readonly audit: Audit;
  readonly packagePolicy: PackagePolicies;
  readonly tenants: Tenants;
  readonly operator: Operator;

  constructor(options: HttpOptions) {
    this.http = new Http(options);
    this.apps = new Apps(this.http);
    this.templates = new Templates(this.http);
    this.account = new Account(this.http);
    this.members = new Members(this.http);
    this.invites = new Invites(this.http);
    this.keys = new Keys(this.http);
    this.audit = new Audit(this.http);
    this.packagePolicy = new PackagePolicies(this.http);
    this.tenants = new Tenants(this.http);
    this.operator = new Operator(this.http);
  }

  /** An app by its id, without asking for it. */
  app(id: string): AppHandle<undefined> {
    return this.apps.open(id);
  }

  /** Who the caller is, and what they may do. */
  me(options?: CallOptions): Promise<Me> {
    return this.http.json("GET /v1/me", {}, options);
  }

  /** How much of its quotas the caller's tenant uses. */
  usage(options?: CallOptions): Promise<TenantUsage> {
    return this.http.json("GET /v1/me/usage", {}, options);
  }
}

export class Templates {
  constructor(readonly http: Http) {}

  list(options?: CallOptions): Promise<TemplateList> {
    return this.http.json("GET /v1/templates", {}, options);
  }

  get(key: string, options?: CallOptions): Promise<TemplateView> {
    return this.http.json("GET /v1/templates/{key}", { path: { key } }, options);
  }

  /** Its picture, a PNG. An `img` element can have `thumbnail_url`. */
  thumbnail(key: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.http.bytes("GET /v1/templates/{key}/thumbnail", { path: { key } }, options);
  }
}

/** Signing in, for pages on Vitrine's own origin (`auth: { cookie: true }`). */
export class Account {
  constructor(readonly http: Http) {}

  async signIn(who: SignIn, options?: CallOptions): Promise<void> {
    await this.http.json("POST /v1/sign-in", { body: who }, options);
  }

  async signOut(options?: CallOptions): Promise<void> {
    await this.http.json("POST /v1/sign-out", {}, options);
  }

  async signOutEverywhere(options?: CallOptions): Promise<void> {
    await this.http.json("POST /v1/sign-out-everywhere", {}, options);
  }

  async setPassword(password: NewPassword, options?: CallOptions): Promise<void> {
    await this.http.json("PUT /v1/me/password", { body: password }, options);
  }

  /** Makes the browser look at another of its person's tenants. */
  async chooseTenant(tenant: string, options?: CallOptions): Promise<void> {
    await this.http.json("POST /v1/me/tenant", { body: { tenant } }, options);
  }
}
