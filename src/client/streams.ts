import { LogLine } from '../contracts/agent.js';
import { ErrorBody } from '../contracts/errors.js';
import { type AnyNoxEvent, parseEvent } from '../contracts/event.js';
import { PromptFrame } from '../contracts/turn.js';
import { errorOfBody, NoxApiError, parseJson } from './api-error.js';
import { backoffMs, delay } from './request.js';
import { readSse, type SseFrame } from './sse.js';

/** Opens a stream; `last_id` is what `Last-Event-ID` says. Throws NoxApiError. */
export type OpenStream = (last_id: string | undefined) => Promise<ReadableStream<Uint8Array>>;

export interface FollowOptions {
  /** Ends the iteration, quietly. */
  readonly signal?: AbortSignal | undefined;
  /** Told when the connection was lost and when it is back. */
  readonly onState?: ((state: 'reconnecting' | 'live') => void) | undefined;
  /** Reconnects when not even a heartbeat came for so long. */
  readonly silence_ms?: number | undefined;
  readonly random?: () => number;
  readonly wait?: typeof delay;
}

/**
 * The frames of a streamed prompt, ending with `message_end`. Throws NoxApiError; when the stream breaks off, its
 * `details.turn_id` names the turn, which goes on without us and can be read later.
 */
export async function* promptFrames(
  open: OpenStream,
  signal?: AbortSignal,
): AsyncGenerator<PromptFrame, void, undefined> {
  let turn_id: string | undefined;
  let cause: unknown;
  try {
    for await (const frame of readSse(await open(undefined))) {
      const parsed = promptFrameOf(frame);
      if (parsed === undefined) continue;
      if (parsed.event === 'message_start') turn_id = parsed.data.turn_id;
      yield parsed;
      if (parsed.event === 'message_end') return;
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (error instanceof NoxApiError) throw error;
    cause = error;
  }
  const message = 'The connection broke off before the reply was whole; the turn goes on without it.';
  throw new NoxApiError({ code: 'SERVER_UNREACHABLE', status: 0, message, details: { turn_id } }, { cause });
}

function promptFrameOf(frame: SseFrame): PromptFrame | undefined {
  const data = parseJson(frame.data);
  throwIfError(frame, data);
  const parsed = PromptFrame.safeParse({ event: frame.event, data });
  return parsed.success ? parsed.data : undefined;
}

/** Log lines as they are written, without gaps or repetitions over reconnects. */
export function logLines(open: OpenStream, options: FollowOptions): AsyncGenerator<LogLine, void, undefined> {
  let last = 0;
  return follow(open, options, (data) => {
    const line = LogLine.safeParse(data).data;
    // After a reconnect the server begins with past lines again.
    if (line === undefined || line.id <= last) return undefined;
    last = line.id;
    return line;
  });
}

/** Events in the order of `seq`. Types that this client does not know are passed over. */
export function events(open: OpenStream, options: FollowOptions): AsyncGenerator<AnyNoxEvent, void, undefined> {
  return follow(open, options, (data) => (isEventLike(data) ? parseEvent(data) : undefined));
}

/**
 * Follows a stream for ever: when it ends or breaks it is opened again after the last id seen. A first failure, and an
 * answer that asking again would not change, are thrown.
 */
async function* follow<T>(
  open: OpenStream,
  options: FollowOptions,
  parse: (data: unknown) => T | undefined,
): AsyncGenerator<T, void, undefined> {
  const { signal, onState, silence_ms = 60_000, random = Math.random, wait = delay } = options;
  const aborted = () => signal?.aborted === true;
  let last_id: string | undefined;
  let was_open = false;
  let failures = 0;
  for (;;) {
    try {
      const body = await open(last_id);
      if (failures > 0) onState?.('live');
      was_open = true;
      failures = 0;
      for await (const frame of readSse(body, { silence_ms })) {
        const data = parseJson(frame.data);
        throwIfError(frame, data);
        last_id = frame.last_id;
        const parsed = parse(data);
        if (parsed !== undefined) yield parsed;
      }
    } catch (error) {
      if (aborted()) return;
      if (!was_open || (error instanceof NoxApiError && !error.transient)) throw error;
    }
    if (aborted()) return;
    if (failures === 0) onState?.('reconnecting');
    try {
      await wait(backoffMs(failures, random(), 500), signal);
    } catch (error) {
      if (aborted()) return;
      throw error;
    }
    failures += 1;
  }
}

/** Servers tell a failure inside a stream as an event named `error`. */
function throwIfError(frame: SseFrame, data: unknown): void {
  if (frame.event !== 'error') return;
  const body = ErrorBody.safeParse(data);
  if (body.success) throw errorOfBody(body.data);
}

const isEventLike = (data: unknown): boolean => typeof data === 'object' && data !== null && 'seq' in data;
