import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import type { AnyNoxEvent } from '../contracts/event.js';
import type { RouteInput } from '../contracts/routes.js';
import { EventLog, type ReplayFilter } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { Input, type NoxRequest, Route } from '../shared/http/route.js';
import { openSse, type SseStream } from '../shared/http/sse.js';
import { validationError } from '../shared/nox-error.js';
import { isGone } from './replay.js';

const PAGE = 100;
const LastEventId = z.object({ 'last-event-id': z.coerce.number().int().min(0).optional() });

/** `GET /events`: past events as a page, or past and live ones as a stream. */
@Controller()
export class EventsController {
  constructor(
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Route('events')
  async list(
    @Input('events') { query }: RouteInput<'events'>,
    @Req() request: NoxRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const filter = { agent_id: query.agent_id, areas: query.areas?.split(',') };
    // A browser that comes back sends the header beside the address it began with: the header is the newer one.
    const after_seq = lastEventId(request) ?? query.after_seq;
    if (query.follow) {
      const stream = openSse(request, reply, { clock: this.clock, until_token_expires: true });
      await this.follow(stream, filter, after_seq);
      return;
    }
    const events = this.events.since(after_seq ?? 0, { ...filter, limit: query.limit });
    await reply.send({ events, last_seq: this.events.lastSeq() });
  }

  /** Sends what was missed as fast as the client takes it, then what happens, without a gap or a repetition. */
  private async follow(stream: SseStream, filter: ReplayFilter, after_seq: number | undefined): Promise<void> {
    let last = after_seq ?? this.events.lastSeq();
    if (isGone(this.events, last)) {
      const bounds = { first_seq: this.events.firstSeq(), last_seq: this.events.lastSeq() };
      last = Math.min(last, bounds.last_seq);
      stream.send({ event: 'resync', id: last, data: bounds });
    }
    for (;;) {
      const page = this.events.since(last, { ...filter, limit: PAGE });
      for (const event of page) sendEvent(stream, event);
      last = page.at(-1)?.seq ?? last;
      // Nothing runs between the last page and the subscription, so that no event can fall between them.
      if (page.length < PAGE || stream.closed) break;
      await stream.drained();
    }
    const wants = wantsOf(filter);
    const unsubscribe = this.events.subscribe((event) => {
      if (wants(event)) sendEvent(stream, event);
    });
    stream.onClose(unsubscribe);
  }
}

function sendEvent(stream: SseStream, event: AnyNoxEvent): void {
  stream.send({ event: event.type, id: event.seq, data: event });
}

function wantsOf({ agent_id, areas }: ReplayFilter): (event: AnyNoxEvent) => boolean {
  return (event) =>
    (agent_id === undefined || event.agent_id === agent_id) &&
    (areas === undefined || areas.includes(event.type.slice(0, event.type.indexOf('.'))));
}

function lastEventId(request: NoxRequest): number | undefined {
  const result = LastEventId.safeParse(request.headers);
  if (!result.success) throw validationError('header', result.error);
  return result.data['last-event-id'];
}
