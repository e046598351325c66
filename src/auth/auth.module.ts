import { join } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { SystemConfig } from '../contracts/config.js';
import { Clock } from '../shared/clock.js';
import { AccessTokens } from './access-tokens.js';
import { AuthController } from './auth.controller.js';
import { AuthGuard } from './auth.guard.js';
import { AuthService } from './auth.service.js';
import { AuthSettings } from './auth-settings.js';
import { ClientTokens } from './client-tokens.js';
import { JwtKeys } from './jwt-keys.js';
import { LoginAttempts } from './login-attempts.js';
import { Logins } from './logins.js';
import { PasswordHasher } from './password.js';
import { RefreshTokens } from './refresh-tokens.js';
import { UserStore } from './user-store.js';

export interface AuthOptions {
  /** The `.nox` folder: the signing keys are in its `jwt-secret`. */
  readonly home: string;
  /** The `[auth]` table as it is at the time of the call. */
  readonly settings: () => SystemConfig['auth'];
  readonly hasher?: PasswordHasher;
}

/** Users, logins and the guard of every route. Needs StateDb, Clock and EventLog from a global module. */
@Module({})
export class AuthModule {
  static register(options: AuthOptions): DynamicModule {
    return {
      module: AuthModule,
      global: true,
      controllers: [AuthController],
      providers: [
        { provide: AuthSettings, useValue: new AuthSettings(options.settings) },
        { provide: PasswordHasher, useValue: options.hasher ?? new PasswordHasher() },
        { provide: JwtKeys, useFactory: () => JwtKeys.open(join(options.home, 'jwt-secret')) },
        {
          provide: AccessTokens,
          inject: [JwtKeys, Clock],
          useFactory: (keys: JwtKeys, clock: Clock) => new AccessTokens(keys, clock),
        },
        UserStore,
        RefreshTokens,
        ClientTokens,
        Logins,
        LoginAttempts,
        AuthService,
        { provide: APP_GUARD, useClass: AuthGuard },
      ],
      exports: [AuthService, Logins, JwtKeys],
    };
  }
}
