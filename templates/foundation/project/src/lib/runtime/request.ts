// JSON requests to this app's own back end.
import { loadRuntimeConfig, publicEndpoint } from "./config";
import { requireAnswer, toRuntimeError } from "./errors";
import { authHeaders } from "./session";

interface RequestOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: unknown;
}

/**
 * Sends a request to a public endpoint of this app (for example "auth/login") and returns the parsed answer, or null
 * for an empty one. Throws a RuntimeError, whatever went wrong.
 */
export async function requestJson(path: string, { method = "GET", body }: RequestOptions = {}): Promise<unknown> {
  try {
    const config = await loadRuntimeConfig();
    const response = await fetch(publicEndpoint(config, path), {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...authHeaders(config.appSlug),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.status === 204) return null;
    await requireAnswer(response, "json");
    return await response.json();
  } catch (error) {
    throw toRuntimeError(error);
  }
}
