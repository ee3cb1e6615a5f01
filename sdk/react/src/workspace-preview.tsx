// An app, live: its frame in the size of a device, a bar above it, and what to do when there is nothing to show.
import type { VitrineError } from "@vitrine/client";
import { listenToPreview, type PreviewBridge, type PreviewEvent } from "@vitrine/client/bridge";
import { type CSSProperties, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { type Device, type Size, scaleToFit, sizeOf } from "./devices.js";
import { isOver } from "./faults.js";
import { type UseSession, useSession } from "./hooks.js";
import { PreviewSteps } from "./preview-steps.js";
import { PreviewToolbar } from "./preview-toolbar.js";
import { useShared, useStores } from "./provider.js";
import { type Frame, useFrame } from "./use-frame.js";

// Not: leaving your page (top navigation), pop-ups without these rules, and dialogs, which would stop your page too.
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups allow-downloads";

export interface WorkspacePreviewProps {
  appId: string;
  /** Where in the app the frame begins, and begins anew with another value. */
  route?: string;
  /** The size it is looked at in; absent, the person chooses. */
  device?: Device;
  onDeviceChange?: (device: Device) => void;
  /** Without the bar: the frame alone. */
  toolbar?: boolean;
  /** What the frame is called for people who cannot see it. */
  title?: string;
  /** What the page inside tells; `<ConsolePanel>` gets it in any case. */
  onEvent?: (event: PreviewEvent) => void;
  /** Called with the way to steer the page inside (`go`, `back`, `pick` an element), and with nothing when it is gone. */
  onBridge?: (bridge: PreviewBridge | undefined) => void;
  className?: string;
  style?: CSSProperties;
}

export function WorkspacePreview(props: WorkspacePreviewProps) {
  const { appId, route = "/", toolbar = true, className = "", style, onEvent, onBridge } = props;
  const { texts } = useShared();
  const title = props.title ?? texts.preview;
  const session = useSession(appId);
  const frame = useFrame(session, route);
  const [chosen, setChosen] = useState<Device>("desktop");
  const [isRotated, setRotated] = useState(false);
  const device = props.device ?? chosen;
  const choose = (next: Device) => {
    setChosen(next);
    props.onDeviceChange?.(next);
  };
  return (
    <section className={`vitrine-preview ${className}`} style={style} aria-label={title}>
      {toolbar && (
        <PreviewToolbar
          device={device}
          onDevice={choose}
          onRotate={() => setRotated(!isRotated)}
          onReload={frame.reload}
          onOpenTab={frame.openTab}
          isDisabled={!frame.frame}
        />
      )}
      <Notice session={session} fault={frame.error} onAgain={frame.reload} />
      <Stage size={sizeOf(device, isRotated)}>
        {frame.frame && (
          <PreviewFrame
            key={frame.frame.key}
            appId={appId}
            frame={frame.frame}
            title={title}
            onEvent={onEvent}
            onBridge={onBridge}
          />
        )}
      </Stage>
      {!frame.frame && <Placeholder session={session} />}
    </section>
  );
}

/** The room for the frame: as large as there is, or a device's size, drawn smaller where it does not fit. */
function Stage({ size, children }: { size: Size | undefined; children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  const room = useRoom(ref);
  const scale = size && room ? scaleToFit(size, room) : 1;
  const outer = size && { width: size.width * scale, height: size.height * scale };
  const inner = size && { width: size.width, height: size.height, transform: `scale(${scale})` };
  return (
    <div className="vitrine-preview__stage" data-framed={size !== undefined} ref={ref}>
      <div className="vitrine-preview__device" style={outer}>
        <div className="vitrine-preview__page" style={inner}>
          {children}
        </div>
      </div>
    </div>
  );
}

interface PreviewFrameProps {
  appId: string;
  frame: Frame;
  title: string;
  onEvent: WorkspacePreviewProps["onEvent"];
  onBridge: WorkspacePreviewProps["onBridge"];
}

function PreviewFrame({ appId, frame, title, onEvent, onBridge }: PreviewFrameProps) {
  const ref = useRef<HTMLIFrameElement>(null);
  const { events } = useStores(appId);
  // Other functions than before are no reason to listen anew.
  const tell = useRef({ onEvent, onBridge });
  useEffect(() => {
    tell.current = { onEvent, onBridge };
  });
  useEffect(() => {
    if (!ref.current) return;
    const bridge = listenToPreview({
      frame: ref.current,
      origin: frame.origin,
      onEvent: (event) => {
        events.add(event);
        tell.current.onEvent?.(event);
      },
    });
    tell.current.onBridge?.(bridge);
    return () => {
      bridge.close();
      tell.current.onBridge?.(undefined);
    };
  }, [frame.origin, events]);
  return (
    <iframe
      ref={ref}
      className="vitrine-preview__frame"
      title={title}
      src={frame.src}
      sandbox={SANDBOX}
      allow="clipboard-write"
      referrerPolicy="no-referrer"
    />
  );
}

/** What went wrong, along the top: the last good page stays below it. */
function Notice(props: { session: UseSession; fault: VitrineError | undefined; onAgain: () => void }) {
  const { texts } = useShared();
  const { session, fault, onAgain } = props;
  const error = session.error ?? fault;
  if (error) {
    const again = session.error ? session.ensure : onAgain;
    return (
      <div className="vitrine-notice" data-tone="danger" role="alert">
        <div className="vitrine-notice__text">
          <strong>{error.title}</strong>
          {error.detail !== "" && <p>{error.detail}</p>}
          {error.requestId !== undefined && <small>{texts.requestId(error.requestId)}</small>}
        </div>
        <button
          type="button"
          className="vitrine-button"
          disabled={session.isAsking}
          onClick={() => void again()}
        >
          {texts.tryAgain}
        </button>
      </div>
    );
  }
  if (session.status !== "hibernated") return null;
  return (
    <div className="vitrine-notice" role="status">
      <p className="vitrine-notice__text">{texts.asleep}</p>
      <button
        type="button"
        className="vitrine-button"
        disabled={session.isAsking}
        onClick={() => void session.ensure()}
      >
        {texts.wake}
      </button>
    </div>
  );
}

/** In place of the frame: the steps of a start, or how to start again. */
function Placeholder({ session }: { session: UseSession }) {
  const { texts } = useShared();
  if (session.status !== undefined && isOver(session.status)) {
    return (
      <div className="vitrine-preview__empty">
        <p>{texts.ended}</p>
        <button
          type="button"
          className="vitrine-button"
          data-look="primary"
          disabled={session.isAsking}
          onClick={() => void session.ensure()}
        >
          {texts.start}
        </button>
      </div>
    );
  }
  if (session.error) return null;
  return (
    <div className="vitrine-preview__empty" role="status">
      <p>{session.session ? texts.starting : texts.waiting}</p>
      {session.session && <PreviewSteps timings={session.session.timings} />}
    </div>
  );
}

function useRoom(ref: RefObject<HTMLElement | null>): Size | undefined {
  const [room, setRoom] = useState<Size>();
  useEffect(() => {
    if (!ref.current || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setRoom({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [ref]);
  return room;
}
