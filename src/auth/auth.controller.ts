import { Controller, Inject, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Actor as ActorType, TokenReply } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, type LoginHandle, type NoxRequest, Route } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { AuthService } from './auth.service.js';
import { AuthSettings } from './auth-settings.js';
import { ClientTokens } from './client-tokens.js';
import { LoginAttempts } from './login-attempts.js';
import { type CountedRequest, LoginThrottle } from './login-throttle.guard.js';
import { refreshCookie, refreshTokenOf } from './refresh-cookie.js';

@Controller()
export class AuthController {
  constructor(
    @Inject(AuthService) private readonly auth: AuthService,
    @Inject(ClientTokens) private readonly clients: ClientTokens,
    @Inject(AuthSettings) private readonly settings: AuthSettings,
    @Inject(LoginAttempts) private readonly attempts: LoginAttempts,
  ) {}

  @Route('auth_login')
  @UseGuards(LoginThrottle)
  async login(
    @Input('auth_login') { body }: RouteInput<'auth_login'>,
    @Req() request: CountedRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenReply> {
    return this.loggedIn(await this.auth.login(body, request.ip), request, reply);
  }

  @Route('auth_login_link')
  @UseGuards(LoginThrottle)
  async loginByLink(
    @Input('auth_login_link') { body }: RouteInput<'auth_login_link'>,
    @Req() request: CountedRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenReply> {
    return this.loggedIn(await this.auth.loginByLink(body.token, request.ip), request, reply);
  }

  @Route('auth_refresh')
  async refresh(
    @Input('auth_refresh') { body }: RouteInput<'auth_refresh'>,
    @Req() request: CountedRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenReply> {
    const token = body.refresh_token ?? refreshTokenOf(request.headers);
    if (token === undefined) throw new NoxError('UNAUTHORIZED', 'Send a refresh token, in the body or as the cookie.');
    const tokens = await this.auth.refresh(token);
    this.giveCookie(tokens.refresh_token, request, reply);
    return tokens;
  }

  @Route('auth_logout')
  async logout(@Req() request: NoxRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.auth.logout(loginOf(request));
    this.giveCookie(undefined, request, reply);
    return {};
  }

  @Route('auth_me')
  me(@Actor() { name, role }: ActorType) {
    return { username: name, role };
  }

  @Route('auth_password')
  @UseGuards(LoginThrottle)
  async changePassword(
    @Input('auth_password') { body }: RouteInput<'auth_password'>,
    @Req() request: NoxRequest & CountedRequest,
  ) {
    await this.auth.changePassword(loginOf(request), body);
    this.attempts.takeBack(request.attempt_key);
    return {};
  }

  @Route('users_list')
  listUsers() {
    return { users: this.auth.listUsers() };
  }

  @Route('users_create')
  createUser(@Input('users_create') { body }: RouteInput<'users_create'>) {
    return this.auth.createUser(body);
  }

  @Route('users_delete')
  async deleteUser(@Input('users_delete') { params }: RouteInput<'users_delete'>) {
    await this.auth.deleteUser(params.username);
    return {};
  }

  @Route('clients_list')
  listClients(@Actor() actor: ActorType) {
    return { clients: this.clients.list(actor) };
  }

  @Route('clients_create')
  createClient(@Input('clients_create') { body }: RouteInput<'clients_create'>, @Actor() actor: ActorType) {
    return this.clients.create(body, actor);
  }

  @Route('clients_delete')
  async endClient(@Input('clients_delete') { params }: RouteInput<'clients_delete'>, @Actor() actor: ActorType) {
    await this.clients.end(params.name, actor);
    return {};
  }

  private loggedIn(tokens: TokenReply, request: CountedRequest, reply: FastifyReply): TokenReply {
    // Only failures count: who knows the password is not guessing it.
    this.attempts.takeBack(request.attempt_key);
    this.giveCookie(tokens.refresh_token, request, reply);
    return tokens;
  }

  /** Browsers send an Origin; others keep the token themselves. */
  private giveCookie(token: string | undefined, { headers }: NoxRequest, reply: FastifyReply): void {
    if (headers.origin === undefined) return;
    reply.header('set-cookie', refreshCookie(headers, token, this.settings.refresh_token_s));
  }
}

/** The guard has set it on every route that is not public. */
function loginOf(request: NoxRequest): LoginHandle {
  if (request.login === undefined) throw new NoxError('UNAUTHORIZED');
  return request.login;
}
