// The few pictures of the page, drawn on a grid of 16.
const SHAPES = {
  back: "M9.5 3.5 5 8l4.5 4.5",
  chevron: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  code: "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h1.5v1.5M13.5 9.5v2M9.5 13.5h2M13.5 13.5v.01",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10",
  external: "M6.5 3.5h-3v9h9v-3M9 2.5h4.5V7M13.2 2.8 7.5 8.5",
  file: "M4 1.8h5L12.5 5.3v8.9H4zM8.8 2v3.5h3.6",
  folder: "M1.8 4h4l1.4 1.6h7v7.2H1.8z",
  history: "M2.8 8a5.2 5.2 0 1 0 1.6-3.8M3 2.2v2.6h2.6M8 5.2V8l2 1.4",
  log: "M2.5 4l3 3-3 3M7.5 11.5h6",
  monitor: "M2 3h12v8H2zM6 13.5h4",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  next: "M4 6l4 4 4-4",
  pencil: "M3 13l.6-2.8 7.2-7.2 2.2 2.2-7.2 7.2z",
  phone: "M5 1.8h6v12.4H5zM7.4 12h1.2",
  pick: "M5.5 2.5h-3v3M10.5 2.5h3v3M2.5 10.5v3h3M7 7l6.5 2.4-2.8 1.3-1.3 2.8z",
  plus: "M8 3v10M3 8h10",
  previous: "M4 10l4-4 4 4",
  redo: "M10.5 3.5 13.5 6.5l-3 3M13.2 6.5H6.5a3.2 3.2 0 0 0 0 6.4H9",
  reload: "M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3h-3",
  rotate: "M3 6.5V4.3A1.3 1.3 0 0 1 4.3 3h3.4M5.9 1.2 7.7 3 5.9 4.8M6.5 8h7v5.5h-7z",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.4 3.4",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M3.2 12.8l1-1M11.8 4.2l1-1",
  trash: "M3 4.5h10M6.2 4.2V2.5h3.6v1.7M4.3 4.7l.6 8.8h6.2l.6-8.8",
  undo: "M5.5 3.5 2.5 6.5l3 3M2.8 6.5h6.7a3.2 3.2 0 0 1 0 6.4H7",
  upload: "M8 10.5V3M4.8 6 8 2.8 11.2 6M3 13h10",
  warning: "M8 2.2 14.6 13.6H1.4zM8 6.6v3.2M8 11.7v.1",
};

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" aria-hidden="true">
      <path
        d={SHAPES[name]}
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
