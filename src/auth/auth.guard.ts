import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { type RouteDef, type RouteName, ROUTES } from '../contracts/routes.js';
import { type NoxRequest, ROUTE_METADATA } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { ClientTokens } from './client-tokens.js';
import { Logins } from './logins.js';
import { includesRole } from './roles.js';

/**
 * Guards every route by its row of the route table. A handler without a row is refused: nothing is open by omission.
 * The token comes from the `Authorization` header and nowhere else.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(Logins) private readonly logins: Logins,
    @Inject(ClientTokens) private readonly clients: ClientTokens,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    // Sockets log in at their handshake, in the gateway.
    if (context.getType() !== 'http') return true;
    const name = Reflect.getMetadata(ROUTE_METADATA, context.getHandler()) as RouteName | undefined;
    if (name === undefined) throw new NoxError('FORBIDDEN', 'This handler has no row in the route table.');
    const { role, clients }: RouteDef = ROUTES[name];
    if (role === 'public') return true;
    const request = context.switchToHttp().getRequest<NoxRequest>();
    const token = bearerOf(request.headers.authorization);
    if (clients === true && ClientTokens.is(token)) {
      request.actor = { ...this.clients.verify(token), request_id: request.id };
    } else {
      const login = this.logins.verify(token);
      request.actor = { name: login.username, role: login.role, request_id: request.id };
      request.login = login;
    }
    const have = request.actor.role;
    if (includesRole(have, role)) return true;
    throw new NoxError('FORBIDDEN', `This needs the role ${role}; yours is ${have}.`, { needed: role });
  }
}

const bearerOf = (header: string | undefined): string | undefined => /^Bearer ([\w.-]+)$/i.exec(header ?? '')?.[1];
