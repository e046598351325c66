import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { AnyNoxEvent } from '../contracts/event.js';
import type { RouteInput } from '../contracts/routes.js';
import type { PromptReply, Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { Actor, Input, type NoxRequest, Route } from '../shared/http/route.js';
import { openSse } from '../shared/http/sse.js';
import { NoxError } from '../shared/nox-error.js';
import { FrameMaker, replyOf } from './prompt-frames.js';
import { classifyFault, LOGIN_HELP } from './quota-error.js';
import { SessionsService } from './sessions.service.js';

@Controller()
export class SessionsController {
  constructor(
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  /** Answers when the turn has ended, or streams it; a client that leaves changes nothing for the turn. */
  @Route('agents_prompt')
  async prompt(
    @Input('agents_prompt') { params, body }: RouteInput<'agents_prompt'>,
    @Actor() actor: ActorType,
    @Req() request: NoxRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PromptReply | undefined> {
    const streams = body.stream || (request.headers.accept ?? '').includes('text/event-stream');
    if (streams) {
      await this.stream(params.id, body.content, actor, request, reply);
      return undefined;
    }
    const turn = await this.sessions.prompt(params.id, body.content, actor);
    return replyOf(body.wait ? refuseWithoutLogin(await this.sessions.ended(turn.id)) : turn);
  }

  @Route('agents_conversation')
  conversation(@Input('agents_conversation') { params, query }: RouteInput<'agents_conversation'>) {
    return this.sessions.conversation(params.id, query);
  }

  @Route('turns_get')
  turn(@Input('turns_get') { params }: RouteInput<'turns_get'>) {
    return this.sessions.get(params.id);
  }

  @Route('turns_cancel')
  cancel(@Input('turns_cancel') { params, body }: RouteInput<'turns_cancel'>, @Actor() actor: ActorType) {
    return this.sessions.cancel(params.id, actor, body);
  }

  private async stream(
    agent_id: string,
    content: string,
    actor: ActorType,
    request: NoxRequest,
    reply: FastifyReply,
  ): Promise<void> {
    // Errors of the prompt are answered as JSON. Events that come before its answer is open are kept for it.
    const early: AnyNoxEvent[] = [];
    let show = (event: AnyNoxEvent): void => void early.push(event);
    const unsubscribe = this.events.subscribe((event) => {
      if (event.agent_id === agent_id) show(event);
    });
    const turn = await this.sessions.prompt(agent_id, content, actor).catch((error: unknown) => {
      unsubscribe();
      throw error;
    });
    const frames = new FrameMaker(turn.id);
    const stream = openSse(request, reply);
    stream.onClose(unsubscribe);
    stream.send({ event: 'message_start', data: { turn_id: turn.id, agent_id, status: turn.status } });
    show = (event) => {
      const held =
        event.type === 'turn.postponed' && event.payload.turn_id === turn.id && event.payload.cause === 'login';
      if (held) {
        // Only a person can help here: the stream ends, the turn goes on waiting.
        stream.send({
          event: 'message_end',
          data: { ...replyOf(turn), status: 'queued', reason: event.payload.reason },
        });
        stream.close();
        return;
      }
      const frame = frames.next(event);
      if (frame === undefined) return;
      stream.send(frame);
      if (frame.event === 'message_end') stream.close();
    };
    for (const event of early) show(event);
  }
}

/** A turn that failed for want of a login, or waits for one. An answer of the model never ends a turn in `error`. */
function refuseWithoutLogin(turn: Turn): Turn {
  const { id: turn_id, status, reason } = turn;
  if (status === 'queued') throw new NoxError('MODEL_UNAVAILABLE', reason ?? LOGIN_HELP, { turn_id, status });
  if (status === 'error' && classifyFault({ text: reason ?? '' }) === 'authentication') {
    throw new NoxError('MODEL_UNAVAILABLE', `The Claude CLI cannot log in (${reason}). ${LOGIN_HELP}`, { turn_id });
  }
  return turn;
}
