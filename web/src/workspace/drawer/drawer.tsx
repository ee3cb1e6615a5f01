// What happens below the preview: problems, console, requests, logs, commands. Loaded when it is opened first.
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Validation } from "../../api/types";
import type { Stage } from "../preview/use-stage";
import type { SessionHandle } from "../session/use-session";
import type { Places } from "../site/failure";
import type { Site } from "../site/use-site";
import styles from "./drawer.module.css";
import type { DrawerHandle } from "./use-drawer";

const DrawerBody = lazy(() => import("./drawer-body").then(({ DrawerBody }) => ({ default: DrawerBody })));

export interface DrawerProps {
  app: string;
  drawer: DrawerHandle;
  handle: SessionHandle;
  stage: Stage;
  site: Site;
  places: Places;
  /** What the check of the draft found; undefined until there was one. */
  validation: Validation | undefined;
}

export function Drawer(props: DrawerProps) {
  const { t } = useTranslation("drawer");
  return (
    <section className={styles.drawer} aria-label={t("label")} data-testid="logs">
      <Suspense fallback={<p className={styles.quiet}>{t("loading")}</p>}>
        <DrawerBody {...props} />
      </Suspense>
    </section>
  );
}
