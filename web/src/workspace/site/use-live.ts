// What strangers see now, and the ways to change that other than publishing.
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import {
  getApp,
  getArtifact,
  getHosting,
  getRevision,
  listReleases,
  promoteArtifact,
  unpublishApp,
} from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { App, HostingSettings, Page, Release, Revision } from "../../api/types";

/** Somebody else may publish, roll back or pause. */
const POLL_MS = 30_000;

export interface Live {
  hosting: HostingSettings | undefined;
  /** The revision that the current release was built from. */
  released: Revision | undefined;
}

export function useLive(app: App): Live {
  useQuery({
    queryKey: ["app", app.id],
    queryFn: ({ signal }) => getApp(app.id, signal),
    refetchInterval: POLL_MS,
  });
  const isPublished = app.status === "published" || app.release !== undefined;
  const hosting = useHosting(app.id, isPublished);
  const revision = useRevision(app.id, app.release?.revision_id);
  return { hosting: hosting.data, released: revision.data };
}

export function useHosting(app: string, enabled: boolean) {
  return useQuery({
    queryKey: ["hosting", app],
    queryFn: ({ signal }) => getHosting(app, signal),
    enabled,
    refetchInterval: POLL_MS,
  });
}

/** A revision never changes: it is read once. */
export function useRevision(app: string, revision: string | undefined) {
  return useQuery({
    queryKey: ["revision", app, revision],
    queryFn: ({ signal }) => getRevision(app, revision ?? "", signal),
    enabled: revision !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What a build made never changes: it is read once. */
export function useArtifact(app: string, artifact: string | undefined) {
  return useQuery({
    queryKey: ["artifact", app, artifact],
    queryFn: ({ signal }) => getArtifact(app, artifact ?? "", signal),
    enabled: artifact !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export type ReleaseList = UseInfiniteQueryResult<InfiniteData<Page<Release>>>;

export function useReleases(app: string): ReleaseList {
  return useInfiniteQuery({
    queryKey: ["releases", app],
    queryFn: ({ pageParam, signal }) => listReleases(app, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: POLL_MS,
  });
}

/** Makes an older artifact live, or takes the site down. Done means: what is shown has been read anew. */
export function useSwitch(app: string) {
  const queryClient = useQueryClient();
  const readAnew = () =>
    Promise.all(
      ["app", "releases", "publishes"].map((kind) =>
        queryClient.invalidateQueries({ queryKey: [kind, app] }),
      ),
    );
  const promote = useMutation({
    mutationFn: (artifact: string) => promoteArtifact(app, artifact),
    onSuccess: readAnew,
  });
  const unpublish = useMutation({
    // Somebody else may have done it already; the result is the same.
    mutationFn: () =>
      unpublishApp(app).catch((error: unknown) => {
        if (asProblem(error).status !== 404) throw error;
      }),
    onSuccess: readAnew,
  });
  return { promote, unpublish };
}
