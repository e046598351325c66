import type { Clock } from '../shared/clock.js';
import type { StateDb } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import type { BrokerPort } from './broker-port.js';
import { RedisBroker } from './redis-broker.js';
import { SqliteBroker } from './sqlite-broker.js';

/** The queue that the environment asks for: Redis with NOX_REDIS_URL, else the embedded one. VALIDATION_ERROR. */
export function createBroker(env: NodeJS.ProcessEnv, db: StateDb, clock: Clock): BrokerPort {
  const url = env['NOX_REDIS_URL'];
  if (url === undefined || url === '') return new SqliteBroker(db, clock);
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new NoxError('VALIDATION_ERROR', 'NOX_REDIS_URL must look like redis://host:6379 or rediss://….', [
      { field: 'NOX_REDIS_URL', message: 'must be a redis:// or rediss:// address' },
    ]);
  }
  return new RedisBroker(url, db, clock);
}
