/** Longest line that is taken whole; the rest of a longer one is skipped. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

export type SplitLine =
  | { readonly kind: 'line'; readonly text: string }
  /** A line over the cap: how long it was, and its beginning. */
  | { readonly kind: 'too_long'; readonly bytes: number; readonly head: string };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const HEAD_BYTES = 200;

/**
 * Cuts a byte stream into lines. Characters that arrive in two chunks stay whole, since a line is decoded only when it
 * is complete; bytes that are no UTF-8 become U+FFFD. Empty lines and the CR of CRLF are dropped. Memory is bounded by
 * the cap: of a longer line only its beginning is kept.
 */
export class LineSplitter {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private parts: Uint8Array[] = [];
  private held_bytes = 0;
  /** Bytes of the present line that were thrown away; above 0 the line is over the cap. */
  private skipped_bytes = 0;

  constructor(private readonly max_bytes = MAX_LINE_BYTES) {}

  /** The lines that this chunk completes, in order. */
  push(chunk: Uint8Array): SplitLine[] {
    const lines: SplitLine[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end === -1) break;
      this.hold(chunk.subarray(from, end));
      this.finish(lines);
      from = end + 1;
    }
    this.hold(chunk.subarray(from));
    return lines;
  }

  /** The last line when the stream ended without a newline. */
  end(): SplitLine[] {
    const lines: SplitLine[] = [];
    this.finish(lines);
    return lines;
  }

  private hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.skipped_bytes > 0 || this.held_bytes + bytes.length > this.max_bytes) {
      if (this.skipped_bytes === 0) this.parts = [join([...this.parts, bytes]).slice(0, HEAD_BYTES)];
      this.skipped_bytes += bytes.length;
      return;
    }
    // A copy: the stream may use its buffer again.
    this.parts.push(bytes.slice());
    this.held_bytes += bytes.length;
  }

  private finish(lines: SplitLine[]): void {
    const { parts, held_bytes, skipped_bytes } = this;
    this.parts = [];
    this.held_bytes = 0;
    this.skipped_bytes = 0;
    let bytes = join(parts);
    if (skipped_bytes > 0) {
      lines.push({ kind: 'too_long', bytes: held_bytes + skipped_bytes, head: this.decoder.decode(bytes) });
      return;
    }
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1);
    if (bytes.length > 0) lines.push({ kind: 'line', text: this.decoder.decode(bytes) });
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
