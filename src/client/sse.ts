/** One event of a `text/event-stream`. */
export interface SseFrame {
  /** `message` unless the server named it. */
  readonly event: string;
  readonly data: string;
  /** The newest id that the stream has told, also by an earlier event. */
  readonly last_id: string | undefined;
}

const LINE_END = /\r\n|\n|\r/g;

/**
 * Reads Server-Sent Events as the HTML standard defines them, however the text is cut into chunks: the frames depend on
 * the text alone. No I/O. A frame that has no blank line after it yet is not told.
 */
export class SseParser {
  private rest = '';
  private after_cr = false;
  private at_start = true;
  private event = '';
  private data: string[] = [];
  private last_id: string | undefined;

  /** Answers the frames that this chunk completes. */
  push(chunk: string): SseFrame[] {
    if (chunk === '') return [];
    const frames: SseFrame[] = [];
    let text = this.rest + this.withoutSplitMarks(chunk);
    // What is left of earlier chunks holds no line end: look at the new part only.
    LINE_END.lastIndex = this.rest.length;
    let start = 0;
    for (let end = LINE_END.exec(text); end !== null; end = LINE_END.exec(text)) {
      const frame = this.line(text.slice(start, end.index));
      if (frame !== undefined) frames.push(frame);
      start = LINE_END.lastIndex;
    }
    text = text.slice(start);
    this.rest = text;
    return frames;
  }

  /** Drops the byte order mark, and the `\n` of a `\r\n` that two chunks share. */
  private withoutSplitMarks(chunk: string): string {
    let text = chunk;
    if (this.at_start && text.startsWith('\u{feff}')) text = text.slice(1);
    this.at_start = false;
    if (this.after_cr && text.startsWith('\n')) text = text.slice(1);
    this.after_cr = chunk.endsWith('\r');
    return text;
  }

  private line(line: string): SseFrame | undefined {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const raw = colon === -1 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'event') this.event = value;
    if (field === 'data') this.data.push(value);
    if (field === 'id' && !value.includes('\0')) this.last_id = value;
    return undefined;
  }

  private dispatch(): SseFrame | undefined {
    const { event, data, last_id } = this;
    this.event = '';
    this.data = [];
    if (data.length === 0) return undefined;
    return { event: event === '' ? 'message' : event, data: data.join('\n'), last_id };
  }
}

export interface ReadOptions {
  /** Gives up when nothing, not even a heartbeat, came for so long; 0 waits for ever. */
  readonly silence_ms?: number;
}

/** The frames of a body. Ends with it; throws when it breaks or falls silent. Leaving the loop cancels the body. */
export async function* readSse(
  body: ReadableStream<Uint8Array>,
  { silence_ms = 0 }: ReadOptions = {},
): AsyncGenerator<SseFrame, void, undefined> {
  const parser = new SseParser();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silence_ms);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // The body may be broken already; then there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

async function within<T>(promise: Promise<T>, limit_ms: number): Promise<T> {
  if (limit_ms === 0) return promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the stream was silent for ${limit_ms / 1000} s`)), limit_ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}
