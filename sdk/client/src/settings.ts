// What an app is set to: its secrets and variables, where its dev server may connect to, its hosting, its preview links.
import type {
  CreatedPreviewLink,
  EgressView,
  HostingSettings,
  NewPreviewLink,
  PreviewLinks,
  SecretList,
  SecretView,
  SetEgress,
  VariableList,
  VariableView,
} from "./generated.js";
import type { CallOptions, Http } from "./http.js";

/** What one environment of an app is given. */
export class EnvironmentHandle {
  readonly secrets: Secrets;
  readonly variables: Variables;

  constructor(http: Http, appId: string, name: string) {
    this.secrets = new Secrets(http, appId, name);
    this.variables = new Variables(http, appId, name);
  }
}

/** Values that builds and dev servers get, and nobody can read again. */
export class Secrets {
  constructor(
    readonly http: Http,
    readonly appId: string,
    readonly environment: string,
  ) {}

  /** The names; never the values. */
  list(options?: CallOptions): Promise<SecretList> {
    const path = { app: this.appId, environment: this.environment };
    return this.http.json("GET /v1/apps/{app}/environments/{environment}/secrets", { path }, options);
  }

  put(name: string, value: string, options?: CallOptions): Promise<SecretView> {
    const request = { ...this.#named(name), body: { value } };
    return this.http.json("PUT /v1/apps/{app}/environments/{environment}/secrets/{name}", request, options);
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    const operation = "DELETE /v1/apps/{app}/environments/{environment}/secrets/{name}";
    await this.http.json(operation, this.#named(name), options);
  }

  #named(name: string) {
    return { path: { app: this.appId, environment: this.environment, name } };
  }
}

/** Values that are no secret and may be in the page that is built. */
export class Variables {
  constructor(
    readonly http: Http,
    readonly appId: string,
    readonly environment: string,
  ) {}

  list(options?: CallOptions): Promise<VariableList> {
    const path = { app: this.appId, environment: this.environment };
    return this.http.json("GET /v1/apps/{app}/environments/{environment}/variables", { path }, options);
  }

  put(name: string, value: string, options?: CallOptions): Promise<VariableView> {
    const request = { ...this.#named(name), body: { value } };
    return this.http.json("PUT /v1/apps/{app}/environments/{environment}/variables/{name}", request, options);
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    const operation = "DELETE /v1/apps/{app}/environments/{environment}/variables/{name}";
    await this.http.json(operation, this.#named(name), options);
  }

  #named(name: string) {
    return { path: { app: this.appId, environment: this.environment, name } };
  }
}

/** Where an app's dev server may connect to. */
export class Egress {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  get(options?: CallOptions): Promise<EgressView> {
    return this.http.json("GET /v1/apps/{app}/egress", { path: { app: this.appId } }, options);
  }

  set(egress: SetEgress, options?: CallOptions): Promise<EgressView> {
    return this.http.json("PUT /v1/apps/{app}/egress", { path: { app: this.appId }, body: egress }, options);
  }
}

/** How an app's site is served. */
export class Hosting {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  get(options?: CallOptions): Promise<HostingSettings> {
    return this.http.json("GET /v1/apps/{app}/hosting", { path: { app: this.appId } }, options);
  }

  set(settings: HostingSettings, options?: CallOptions): Promise<HostingSettings> {
    return this.http.json(
      "PUT /v1/apps/{app}/hosting",
      { path: { app: this.appId }, body: settings },
      options,
    );
  }
}

/** Links that show an app's preview to whoever has them. */
export class PreviewLinkList {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  list(options?: CallOptions): Promise<PreviewLinks> {
    return this.http.json("GET /v1/apps/{app}/preview-links", { path: { app: this.appId } }, options);
  }

  /** The answer has the address, this once. */
  create(link: NewPreviewLink = {}, options?: CallOptions): Promise<CreatedPreviewLink> {
    return this.http.json(
      "POST /v1/apps/{app}/preview-links",
      { path: { app: this.appId }, body: link },
      options,
    );
  }

  /** Takes it back: it opens nothing from now on, also for visitors who are there. */
  async delete(link: string, options?: CallOptions): Promise<void> {
    await this.http.json(
      "DELETE /v1/apps/{app}/preview-links/{link}",
      { path: { app: this.appId, link } },
      options,
    );
  }
}
