import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { userSender } from './compose.js';
import { MessagesService } from './messages.service.js';
import { SubscriptionsService } from './subscriptions.service.js';

@Controller()
export class MessagesController {
  constructor(
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(SubscriptionsService) private readonly subscriptions: SubscriptionsService,
  ) {}

  @Route('messages_send')
  send(@Input('messages_send') { body }: RouteInput<'messages_send'>, @Actor() actor: ActorType) {
    return this.messages.send(body, userSender(actor.name));
  }

  @Route('messages_broadcast')
  broadcast(@Input('messages_broadcast') { body }: RouteInput<'messages_broadcast'>, @Actor() actor: ActorType) {
    return this.messages.broadcast(body, userSender(actor.name));
  }

  @Route('messages_list')
  list(@Input('messages_list') { query }: RouteInput<'messages_list'>) {
    return this.messages.list(query);
  }

  @Route('messages_dead')
  dead(@Input('messages_dead') { query }: RouteInput<'messages_dead'>) {
    return this.messages.list({ ...query, status: 'dead' });
  }

  @Route('messages_stats')
  stats() {
    return this.messages.stats();
  }

  @Route('messages_graph')
  graph(@Input('messages_graph') { query }: RouteInput<'messages_graph'>) {
    return this.messages.graph(query.hours);
  }

  @Route('messages_get')
  get(@Input('messages_get') { params }: RouteInput<'messages_get'>) {
    return this.messages.get(params.id);
  }

  @Route('messages_retry')
  retry(@Input('messages_retry') { params }: RouteInput<'messages_retry'>, @Actor() actor: ActorType) {
    return this.messages.retry(params.id, actor);
  }

  @Route('messages_cancel')
  cancel(@Input('messages_cancel') { params }: RouteInput<'messages_cancel'>, @Actor() actor: ActorType) {
    return this.messages.cancel(params.id, actor);
  }

  @Route('subscriptions_list')
  subscriptionsOf(@Input('subscriptions_list') { params }: RouteInput<'subscriptions_list'>) {
    return { subscriptions: this.subscriptions.list(params.id) };
  }

  @Route('subscriptions_add')
  async subscribe(@Input('subscriptions_add') { params, body }: RouteInput<'subscriptions_add'>) {
    return { subscriptions: await this.subscriptions.add(params.id, body.topics, body.filter) };
  }

  @Route('subscriptions_remove')
  async unsubscribe(@Input('subscriptions_remove') { params, body }: RouteInput<'subscriptions_remove'>) {
    return { subscriptions: await this.subscriptions.remove(params.id, body.topics) };
  }
}
