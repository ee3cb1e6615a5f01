// The preview on a phone: a link of its own, as a code to photograph, for a day. Says so when no phone can reach this server.
import { Popover } from "@base-ui/react/popover";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { encode } from "uqr";
import { createPreviewLink, deletePreviewLink } from "../../api/calls";
import { Button } from "../../components/button";
import buttonStyles from "../../components/button.module.css";
import { Icon } from "../../components/icon";
import { ProblemNotice } from "../../components/notice";
import { isLoopback } from "./loopback";
import styles from "./phone-code.module.css";

/** Long enough to try it out, short enough to be forgotten. */
const OPEN_SECS = 86_400;

export function PhoneCode({ app, disabled }: { app: string; disabled: boolean }) {
  const { t } = useTranslation("stage");
  return (
    <Popover.Root defaultOpen>
      <Popover.Trigger
        className={buttonStyles.icon}
        aria-label={t("phone.open")}
        title={t("phone.open")}
        disabled={disabled}
        data-testid="phone-code"
      >
        <Icon name="code" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end">
          <Popover.Popup className={styles.popup} data-testid="phone-popup">
            <Popover.Title className={styles.title}>{t("phone.title")}</Popover.Title>
            <Link app={app} />
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Link({ app }: { app: string }) {
  const { t } = useTranslation("stage");
  const make = useMutation({
    mutationFn: () => createPreviewLink(app, { label: t("phone.label"), expires_in_secs: OPEN_SECS }),
  });
  const remove = useMutation({
    mutationFn: (link: string) => deletePreviewLink(app, link),
    onSuccess: () => make.reset(),
  });
  if (isLoopback(location.hostname)) {
    return <Popover.Description className={styles.words}>{t("phone.unreachable")}</Popover.Description>;
  }
  const link = make.data;
  return (
    <>
      {link && <Code url={link.url} />}
      {link && isLoopback(new URL(link.url).hostname) && (
        <p className={styles.words}>{t("phone.linkUnreachable")}</p>
      )}
      <Popover.Description className={styles.words}>
        {t(link ? "phone.made" : "phone.words")}
      </Popover.Description>
      {(make.error ?? remove.error) && <ProblemNotice error={make.error ?? remove.error} />}
      <div className={styles.actions}>
        {link ? (
          <>
            <Copy text={link.url} />
            <Button small disabled={remove.isPending} onClick={() => remove.mutate(link.id)}>
              {t("phone.takeBack")}
            </Button>
          </>
        ) : (
          <Button
            look="primary"
            disabled={make.isPending}
            onClick={() => make.mutate()}
            data-testid="phone-make"
          >
            {t(make.isPending ? "phone.making" : "phone.make")}
          </Button>
        )}
      </div>
    </>
  );
}

/** Dark on light in both themes: some cameras read nothing else. */
function Code({ url }: { url: string }) {
  const { t } = useTranslation("stage");
  const { data, size } = encode(url, { border: 2 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg
      className={styles.code}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      role="img"
      aria-label={t("phone.code")}
      data-testid="phone-qr"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#111" />
    </svg>
  );
}

function Copy({ text }: { text: string }) {
  const { t } = useTranslation("stage");
  const [state, setState] = useState<"copy" | "copied" | "copyFailed">("copy");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState("copied"),
      () => setState("copyFailed"),
    );
  return (
    <Button small onClick={() => void copy()}>
      {t(`phone.${state}`)}
    </Button>
  );
}
