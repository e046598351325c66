import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { NoxError } from '../shared/nox-error.js';
import { AuthSettings } from './auth-settings.js';
import { LoginAttempts } from './login-attempts.js';

/** A request whose attempt is counted. */
export type CountedRequest = FastifyRequest & { attempt_key?: string };

/** Lets each address (for IPv6: each /64) show so many wrong passwords a minute; 429 with Retry-After beyond. */
@Injectable()
export class LoginThrottle extends ThrottlerGuard {
  constructor(
    @Inject(AuthSettings) settings: AuthSettings,
    @Inject(LoginAttempts) attempts: LoginAttempts,
    @Inject(Reflector) reflector: Reflector,
  ) {
    super([{ limit: () => settings.login_attempts_per_min, ttl: 60_000, setHeaders: false }], attempts, reflector);
  }

  /** One count for all ways to log in. */
  protected override generateKey(context: ExecutionContext, address: string): string {
    context.switchToHttp().getRequest<CountedRequest>().attempt_key = address;
    return address;
  }

  protected override throwThrottlingException(
    _context: ExecutionContext,
    { timeToBlockExpire: retry_after_s }: { timeToBlockExpire: number },
  ): Promise<void> {
    const message = `Too many attempts to log in; try again in ${retry_after_s} s.`;
    return Promise.reject(new NoxError('RATE_LIMITED', message, { retry_after_s }));
  }
}
