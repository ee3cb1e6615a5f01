// For whoever runs the server: tenants, the machine, health.
import type {
  CollectBody,
  CollectionReport,
  MachineView,
  MadeTenant,
  PageTenant,
  Tenant,
  TenantBody,
  TenantChange,
  TenantLimits,
  TenantQuotas,
} from "./generated.js";
import type { CallOptions, Http } from "./http.js";
import type { PageOptions } from "./pages.js";

export class Tenants {
  constructor(readonly http: Http) {}

  list(query: PageOptions = {}, options?: CallOptions): Promise<PageTenant> {
    return this.http.json("GET /v1/tenants", { query }, options);
  }

  /** The answer has the first owner's key, this once. */
  create(tenant: TenantBody, options?: CallOptions): Promise<MadeTenant> {
    return this.http.json("POST /v1/tenants", { body: tenant }, options);
  }

  /** Renames it, suspends it, or takes that back. */
  update(tenant: string, change: TenantChange, options?: CallOptions): Promise<Tenant> {
    return this.http.json("PATCH /v1/tenants/{tenant}", { path: { tenant }, body: change }, options);
  }

  quotas(tenant: string, options?: CallOptions): Promise<TenantQuotas> {
    return this.http.json("GET /v1/tenants/{tenant}/quotas", { path: { tenant } }, options);
  }

  setQuotas(tenant: string, limits: TenantLimits, options?: CallOptions): Promise<TenantQuotas> {
    return this.http.json("PUT /v1/tenants/{tenant}/quotas", { path: { tenant }, body: limits }, options);
  }
}

export class Operator {
  constructor(readonly http: Http) {}

  /** What runs on the machine, with the `limit` sandboxes that have the most memory. */
  machine(limit?: number, options?: CallOptions): Promise<MachineView> {
    return this.http.json("GET /v1/machine", { query: limit === undefined ? {} : { limit } }, options);
  }

  /** Removes content that nothing names any more. */
  collect(body: CollectBody = {}, options?: CallOptions): Promise<CollectionReport> {
    return this.http.json("POST /v1/collection", { body }, options);
  }

  /** `GET /healthz`; throws when the server is not alive. */
  health(options?: CallOptions): Promise<string> {
    return this.http.text("GET /healthz", {}, options);
  }

  /** `GET /readyz`; throws when the server takes no requests. */
  readiness(options?: CallOptions): Promise<string> {
    return this.http.text("GET /readyz", {}, options);
  }

  /** For Prometheus. */
  metrics(options?: CallOptions): Promise<string> {
    return this.http.text("GET /metrics", {}, options);
  }
}
