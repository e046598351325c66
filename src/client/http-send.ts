/** What the client asks of the network. */
export interface HttpRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** What it reads of the answer; the platform's `Response` is one. */
export interface HttpAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: { get(name: string): string | null };
  /** Asked once, and not together with `text`. */
  readonly body: ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
}

/** Sends a request and answers as soon as the head of the answer is there. The platform's `fetch` is one. */
export type HttpSend = (url: string, request: HttpRequest) => Promise<HttpAnswer>;
