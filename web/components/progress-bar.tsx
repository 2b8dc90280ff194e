interface TapeProps {
  /** 0 to 1. */
  readonly share: number;
  readonly label: string;
  /** The value as text. */
  readonly text: string;
}

/** A progress bar that looks like a measuring tape. */
export function Tape({ share, label, text }: TapeProps) {
  return (
    <div className="tape">
      <progress max={1} value={share} aria-label={label} />
      <span>{text}</span>
    </div>
  );
}
