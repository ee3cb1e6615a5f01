// What the host tells this app about itself, read once from a fixed path on the app's own origin.

export interface RuntimeConfig {
  /** The app's short name in back-end addresses. */
  appSlug: string;
  /** The name people see, or null when the host gives none. */
  displayName: string | null;
  /** Where the shared back end answers on this origin; without a slash at the end. */
  apiBasePath: string;
}

export const RUNTIME_CONFIG_PATH = "/.vitrine/runtime-config";

const DEFAULTS: RuntimeConfig = { appSlug: "app", displayName: null, apiBasePath: "/api/py" };

let loading: Promise<RuntimeConfig> | null = null;

/**
 * The runtime configuration. Never rejects: a missing document, or one that is not JSON (a development server answers
 * unknown paths with the page itself), means the defaults.
 */
export function loadRuntimeConfig(): Promise<RuntimeConfig> {
  loading ??= fetchRuntimeConfig();
  return loading;
}

/** The address of a public endpoint of this app, for example `publicEndpoint(config, "chat/stream")`. */
export function publicEndpoint(config: RuntimeConfig, path: string): string {
  return `${config.apiBasePath}/public/apps/${encodeURIComponent(config.appSlug)}/${path}`;
}

async function fetchRuntimeConfig(): Promise<RuntimeConfig> {
  try {
    const response = await fetch(RUNTIME_CONFIG_PATH);
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    if (!response.ok || !isJson) return DEFAULTS;
    return parseRuntimeConfig(await response.json());
  } catch {
    return DEFAULTS;
  }
}

function parseRuntimeConfig(document: unknown): RuntimeConfig {
  if (typeof document !== "object" || document === null) return DEFAULTS;
  const fields = document as Record<string, unknown>;
  return {
    appSlug: nonEmpty(fields.app_slug) ?? DEFAULTS.appSlug,
    displayName: nonEmpty(fields.display_name),
    apiBasePath: (nonEmpty(fields.api_base_path) ?? DEFAULTS.apiBasePath).replace(/\/+$/, ""),
  };
}

function nonEmpty(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}
