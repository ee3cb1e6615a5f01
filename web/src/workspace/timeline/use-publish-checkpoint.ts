// Publishes the app as it was at a checkpoint; how that goes is shown where all publishes are.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { publishRevision } from "../../api/revision-calls";

export interface PublishCheckpoint {
  start: (revision: string) => void;
  isPending: boolean;
  error: Error | null;
}

export function usePublishCheckpoint(app: string, onPublished: () => void): PublishCheckpoint {
  const queryClient = useQueryClient();
  const publish = useMutation({
    mutationFn: (revision: string) =>
      publishRevision(app, revision, crypto.getRandomValues(new Uint32Array(4)).join("-")),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["publishes", app] });
      onPublished();
    },
  });
  return {
    start: (revision) => publish.mutate(revision),
    isPending: publish.isPending,
    error: publish.error,
  };
}
