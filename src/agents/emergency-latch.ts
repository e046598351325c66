import { Inject, Injectable } from '@nestjs/common';
import { join } from 'node:path';
import type { EmergencyStop } from '../contracts/system.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { EmergencyMarker } from './emergency-marker.js';
import { Surroundings } from './surroundings.js';

const META_KEY = 'emergency_stop';

/**
 * Whether the emergency stop is in force. Contract: once `engage` was called nothing starts, in this life of Nox for
 * certain, and after a restart as soon as one of two places took it: a marker file that needs neither journal nor git nor
 * free space, and the journal. `clear` empties both, or rejects and leaves it in force.
 */
@Injectable()
export class EmergencyLatch {
  private readonly marker: EmergencyMarker;
  private current: EmergencyStop | null;

  constructor(
    @Inject(Surroundings) around: Surroundings,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.marker = new EmergencyMarker(join(around.home, 'emergency-stop'));
    this.current = this.marker.read(clock.iso()) ?? parse(db.getMeta(META_KEY));
    if (this.current === null) this.marker.reserve();
  }

  state(): EmergencyStop | null {
    return this.current;
  }

  /** One sentence for people while it is in force. */
  reason(): string | undefined {
    if (this.current === null) return undefined;
    const { actor, reason, since } = this.current;
    const why = reason === null ? '' : `: ${reason}`;
    return `emergency stop by ${actor} at ${since}${why}; an admin clears it with "nox emergency-stop --clear"`;
  }

  /** Throws INVALID_STATE while the emergency stop is in force. */
  assertClear(): void {
    const reason = this.reason();
    if (reason !== undefined) throw new NoxError('INVALID_STATE', `No agent may start: ${reason}.`);
  }

  /** In force when it returns; answers why a restart of Nox might forget it, if so. An earlier one stays as it was. */
  engage(actor: string, reason: string | null): string[] {
    this.current ??= { since: this.clock.iso(), actor, reason };
    try {
      this.marker.write(this.current);
      return [];
    } catch (error) {
      return [`the marker file was not written: ${messageOf(error)}`];
    }
  }

  /** Tells the journal too; answers what went wrong. */
  async store(): Promise<string[]> {
    try {
      await this.db.setMeta(META_KEY, JSON.stringify(this.current));
      return [];
    } catch (error) {
      return [`the journal did not take it: ${messageOf(error)}`];
    }
  }

  /** Ends it. Rejects with STORAGE_FAILED when a restart of Nox would bring it back; it is in force then. */
  async clear(): Promise<void> {
    await this.db.setMeta(META_KEY, 'null');
    try {
      this.marker.remove();
    } catch (error) {
      throw new NoxError('STORAGE_FAILED', `The marker file was not removed: ${messageOf(error)}`, undefined, {
        cause: error,
      });
    }
    this.current = null;
    this.marker.reserve();
  }
}

function parse(text: string | undefined): EmergencyStop | null {
  return text === undefined ? null : (JSON.parse(text) as EmergencyStop | null);
}
