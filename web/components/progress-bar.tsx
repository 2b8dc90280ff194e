interface TapeProps {
  /** 0 to 1. */
  readonly share: number;
  readonly label: string;
  /** The value in words. */
  readonly text: string;
}

/** How far something is, along a measuring tape. */
export function Tape({ share, label, text }: TapeProps) {
  return (
    <div className="tape">
      <progress max={1} value={share} aria-label={label} />
      <span>{text}</span>
    </div>
  );
}
