import { type ReactNode, useEffect, useState } from "react";

interface DropZoneProps {
  readonly className: string;
  readonly onDrop: (dropped: DataTransfer) => void;
  readonly children: ReactNode;
}

/** A part of the page that files can be dropped on; fields in it offer the same by keyboard. */
export function DropZone({ className, onDrop, children }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    // A file dropped outside of the zone would otherwise replace the page.
    const keepPage = (event: DragEvent) => event.preventDefault();
    addEventListener("dragover", keepPage);
    addEventListener("drop", keepPage);
    return () => {
      removeEventListener("dragover", keepPage);
      removeEventListener("drop", keepPage);
    };
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an alternative to a file field
    <div
      className={isOver ? `${className} over` : className}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onDrop(event.dataTransfer);
      }}
    >
      {children}
    </div>
  );
}
