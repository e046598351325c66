import type { Clock } from '../shared/clock.js';
import type { StateDb } from '../shared/db/state-db.js';
import type { BrokerPort } from './broker-port.js';
import { SqliteBroker } from './sqlite-broker.js';

/** The queue that the environment asks for: the embedded one. */
export function createBroker(_env: NodeJS.ProcessEnv, db: StateDb, clock: Clock): BrokerPort {
  return new SqliteBroker(db, clock);
}
