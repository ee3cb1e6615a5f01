// Publish, with what is happening beside it, and a link at the end.
import type { NewPublish, PublishView } from "@vitrine/client";
import { type UsePublish, usePublish } from "./hooks.js";
import { useShared } from "./provider.js";

export interface PublishButtonProps {
  appId: string;
  /** What to publish, and how; absent, the draft as it is. */
  wish?: NewPublish;
  /** Called when a publish that was begun here has ended, whatever its end. */
  onEnd?: (publish: PublishView) => void;
  className?: string;
}

export function PublishButton({ appId, wish, onEnd, className = "" }: PublishButtonProps) {
  const { texts } = useShared();
  const publish = usePublish(appId);
  const { isPublishing, start, cancel } = publish;
  const begin = async () => {
    const ended = await start(wish);
    if (ended) onEnd?.(ended);
  };
  return (
    <div className={`vitrine-publish ${className}`}>
      <button
        type="button"
        className="vitrine-button"
        data-look="primary"
        // Not `disabled`: whoever has pressed it keeps their place on the page.
        aria-disabled={isPublishing}
        onClick={() => !isPublishing && void begin()}
      >
        {isPublishing ? texts.publishing : texts.publish}
      </button>
      {isPublishing && (
        <button type="button" className="vitrine-button" onClick={() => void cancel()}>
          {texts.cancel}
        </button>
      )}
      <Outcome publish={publish} />
    </div>
  );
}

/** What is happening, or how it ended. */
function Outcome({ publish: state }: { publish: UsePublish }) {
  const { texts } = useShared();
  const { isPublishing, step, error, publish, siteUrl } = state;
  return (
    <div className="vitrine-publish__outcome">
      <span role="status">
        {isPublishing && step && (texts.publishSteps[step.name] ?? step.name)}
        {!isPublishing && !error && publish?.status === "succeeded" && texts.published}
        {!isPublishing && publish?.status === "cancelled" && texts.cancelled}
        {!isPublishing && publish?.status === "superseded" && texts.superseded}
      </span>
      {!isPublishing && siteUrl !== undefined && (
        <a className="vitrine-link" href={siteUrl} target="_blank" rel="noreferrer">
          {texts.view}
        </a>
      )}
      {!isPublishing && error && (
        <div className="vitrine-publish__error" role="alert">
          <strong>{error.title}</strong>
          <p>{error.detail}</p>
          <ul>
            {error.errors.map(({ path, line, message }) => (
              <li key={`${path}:${line}:${message}`}>
                {path && <code>{line == null ? path : `${path}:${line}`}</code>} {message}
              </li>
            ))}
          </ul>
          <p>{texts.notPublished}</p>
        </div>
      )}
    </div>
  );
}
