import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import { EventLog } from '../events/event-log.js';
import { Input, type NoxRequest, Route } from '../shared/http/route.js';
import { openSse } from '../shared/http/sse.js';
import { Fleet } from './fleet.js';
import { LogBook } from './log-book.js';

@Controller()
export class LogsController {
  constructor(
    @Inject(LogBook) private readonly logs: LogBook,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  /** The newest lines; with `follow` also those that come, as SSE events `log`. */
  @Route('agents_logs')
  read(
    @Input('agents_logs') { params, query }: RouteInput<'agents_logs'>,
    @Req() request: NoxRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): RouteReply<'agents_logs'> | undefined {
    const { id } = params;
    this.fleet.get(id);
    const lines = this.logs.tail(id, query.lines);
    const follows = query.follow || (request.headers.accept ?? '').includes('text/event-stream');
    if (!follows) return { lines };
    const stream = openSse(request, reply);
    let last = 0;
    const send = (line: (typeof lines)[number]): void => {
      last = line.id;
      stream.send({ event: 'log', id: line.id, data: line });
    };
    lines.forEach(send);
    stream.onClose(
      this.events.subscribe((event) => {
        if (event.type === 'agent.log' && event.agent_id === id) this.logs.tail(id, 1000, last).forEach(send);
      }),
    );
    return undefined;
  }
}
