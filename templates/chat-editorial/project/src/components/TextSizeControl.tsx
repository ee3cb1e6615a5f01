// The reader's choice of text size.
const SIZES = { small: "0.95rem", regular: "1.05rem", large: "1.2rem" } as const;

export type TextSize = keyof typeof SIZES;

interface TextSizeControlProps {
  value: TextSize;
  onChange: (size: TextSize) => void;
}

export function TextSizeControl({ value, onChange }: TextSizeControlProps) {
  return (
    <fieldset className="flex items-baseline gap-1">
      <legend className="sr-only">Text size</legend>
      {(Object.keys(SIZES) as TextSize[]).map((size) => (
        <label
          key={size}
          className="cursor-pointer rounded px-1.5 has-checked:text-accent has-focus-visible:outline-2 has-focus-visible:outline-accent"
          style={{ fontSize: SIZES[size] }}
        >
          <input
            type="radio"
            name="text-size"
            className="sr-only"
            checked={size === value}
            onChange={() => onChange(size)}
          />
          <span aria-hidden="true">A</span>
          <span className="sr-only">{size}</span>
        </label>
      ))}
    </fieldset>
  );
}
