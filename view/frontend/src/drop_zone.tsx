// A panel that takes a file which is dropped on it.

import type { ComponentChildren } from "preact";

export function DropZone({ take, children }: { take: (file: File | undefined) => void; children: ComponentChildren }) {
  return (
    <div
      class="dropzone"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        take(event.dataTransfer?.files[0]);
      }}
    >
      {children}
    </div>
  );
}
