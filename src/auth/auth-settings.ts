import type { SystemConfig } from '../contracts/config.js';

/** The `[auth]` table as it is now: it may change while Nox runs. */
export class AuthSettings {
  constructor(private readonly read: () => SystemConfig['auth']) {}

  get access_token_s(): number {
    return this.read().access_token_s;
  }

  get refresh_token_s(): number {
    return this.read().refresh_token_s;
  }

  get login_attempts_per_min(): number {
    return this.read().login_attempts_per_min;
  }
}
