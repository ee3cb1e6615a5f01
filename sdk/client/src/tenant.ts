// The tenant: who is in it, what opens it, what was done in it, what it may have.
import type {
  Acceptance,
  AuditEntry,
  AuditVerdict,
  InviteBody,
  KeyBody,
  MadeInvite,
  MadeKey,
  Member,
  MemberPatch,
  PackagePolicy,
  PageApiKey,
  PageAuditEntry,
  PageInvite,
  PageMember,
  Policy,
} from "./generated.js";
import type { CallOptions, Http, RequestOf } from "./http.js";
import { everyItem, type PageOptions } from "./pages.js";

export class Members {
  constructor(readonly http: Http) {}

  list(query: PageOptions = {}, options?: CallOptions): Promise<PageMember> {
    return this.http.json("GET /v1/members", { query }, options);
  }

  /** Gives a member another role. */
  update(user: string, change: MemberPatch, options?: CallOptions): Promise<Member> {
    return this.http.json("PATCH /v1/members/{user}", { path: { user }, body: change }, options);
  }

  /** Takes a member out of the tenant. */
  async remove(user: string, options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/members/{user}", { path: { user } }, options);
  }
}

export class Invites {
  constructor(readonly http: Http) {}

  list(query: PageOptions = {}, options?: CallOptions): Promise<PageInvite> {
    return this.http.json("GET /v1/invites", { query }, options);
  }

  /** The answer has the link, this once. */
  create(invite: InviteBody, options?: CallOptions): Promise<MadeInvite> {
    return this.http.json("POST /v1/invites", { body: invite }, options);
  }

  /** Makes the owner of an account a member; a browser is theirs then. */
  async accept(acceptance: Acceptance, options?: CallOptions): Promise<void> {
    await this.http.json("POST /v1/invites/accept", { body: acceptance }, options);
  }

  async withdraw(invite: string, options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/invites/{invite}", { path: { invite } }, options);
  }
}

export class Keys {
  constructor(readonly http: Http) {}

  list(query: PageOptions = {}, options?: CallOptions): Promise<PageApiKey> {
    return this.http.json("GET /v1/keys", { query }, options);
  }

  /** The answer has the key, this once. */
  create(key: KeyBody, options?: CallOptions): Promise<MadeKey> {
    return this.http.json("POST /v1/keys", { body: key }, options);
  }

  async revoke(key: string, options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/keys/{api_key}", { path: { api_key: key } }, options);
  }
}

export type AuditQuery = NonNullable<RequestOf<"GET /v1/audit">["query"]>;

export class Audit {
  constructor(readonly http: Http) {}

  /** By pages, the newest entry first. */
  list(query: AuditQuery = {}, options?: CallOptions): Promise<PageAuditEntry> {
    return this.http.json("GET /v1/audit", { query }, options);
  }

  /** Every entry that fits, the newest first. */
  all(query: AuditQuery = {}, options?: CallOptions): AsyncGenerator<AuditEntry, void> {
    return everyItem((page) => this.list({ ...query, ...page }, options));
  }

  /** One JSON object per line, the oldest entry first. */
  export(query: AuditQuery = {}, options?: CallOptions): Promise<string> {
    return this.http.text("GET /v1/audit/export", { query }, options);
  }

  /** Whether the log is as it was written. */
  verify(options?: CallOptions): Promise<AuditVerdict> {
    return this.http.json("GET /v1/audit/verify", {}, options);
  }
}

/** Which packages published apps may have. */
export class PackagePolicies {
  constructor(readonly http: Http) {}

  get(options?: CallOptions): Promise<PackagePolicy> {
    return this.http.json("GET /v1/package-policy", {}, options);
  }

  async set(policy: Policy, options?: CallOptions): Promise<void> {
    await this.http.json("PUT /v1/package-policy", { body: policy }, options);
  }

  /** Goes back to the server's. */
  async reset(options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/package-policy", {}, options);
  }
}
