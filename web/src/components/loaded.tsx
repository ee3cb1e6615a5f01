// What was asked of the server: words while it is on its way, what went wrong with the way to try again, and then itself.
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./button";
import card from "./card.module.css";
import { ProblemNotice } from "./notice";

interface LoadedProps<Data> {
  query: UseQueryResult<Data>;
  /** What is being done, as a sentence. */
  loading: string;
  children: (data: Data) => ReactNode;
}

/** What was read before stays when reading it again fails. */
export function Loaded<Data>({ query, loading, children }: LoadedProps<Data>) {
  const { t } = useTranslation("common");
  return (
    <>
      {query.isPending && (
        <p className={card.quiet} role="status">
          {loading}
        </p>
      )}
      {query.error && (
        <ProblemNotice
          error={query.error}
          actions={
            <Button small onClick={() => query.refetch()}>
              {t("tryAgain")}
            </Button>
          }
        />
      )}
      {query.data !== undefined && children(query.data)}
    </>
  );
}
