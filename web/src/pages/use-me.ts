// Who is signed in: asked once for the whole page, and again when somebody is signed out.
import { useQuery } from "@tanstack/react-query";
import { getMe } from "../api/calls";
import { setCsrfToken } from "../api/http";
import { asProblem } from "../api/problem";

export const ME = ["me"];
const RETRY_MS = 2_000;

export function useMe() {
  return useQuery({
    queryKey: ME,
    queryFn: async ({ signal }) => {
      const answer = await getMe(signal);
      setCsrfToken(answer.csrf_token);
      return answer;
    },
    staleTime: 60_000,
    retry: (_, error) => asProblem(error).isTransient,
    retryDelay: RETRY_MS,
  });
}
