import type { Provider } from '@nestjs/common';
import { ClaudeLocator } from './agents/claude-locator.js';
import { ProcessHost } from './agents/process/process-host.js';
import { ClaudeRuntime } from './agents/runtime/claude/claude-runtime.js';
import { CommandRuntime } from './agents/runtime/command/command-runtime.js';
import { Surroundings } from './agents/surroundings.js';
import { BrokerPort } from './broker/broker-port.js';
import { createBroker } from './broker/create-broker.js';
import { RegistryService } from './registry/registry.service.js';
import { Clock } from './shared/clock.js';
import { StateDb } from './shared/db/state-db.js';
import { OriginGuard } from './shared/http/origin-guard.js';

/** What is opened before Nest is: it may fail with a word to the person at the terminal. */
export interface Foundations {
  readonly clock: Clock;
  readonly db: StateDb;
  readonly registry: RegistryService;
  readonly surroundings: Surroundings;
  readonly guard: OriginGuard;
  readonly processes: ProcessHost;
  readonly log_level: string;
  /** What a reference of the registry's files stands for. */
  readonly secret: (reference: string) => Promise<string>;
  /** Where browsers reach this Nox. */
  readonly public_url: () => string;
}

export const foundations = ({ clock, db, registry, surroundings, guard, processes }: Foundations): Provider[] => [
  { provide: Clock, useValue: clock },
  { provide: StateDb, useValue: db },
  { provide: RegistryService, useValue: registry },
  { provide: Surroundings, useValue: surroundings },
  { provide: OriginGuard, useValue: guard },
  { provide: ProcessHost, useValue: processes },
  {
    provide: ClaudeRuntime,
    useFactory: (host: ProcessHost, locator: ClaudeLocator) =>
      new ClaudeRuntime(host, { findClaude: () => locator.locate(), clock }),
    inject: [ProcessHost, ClaudeLocator],
  },
  { provide: BrokerPort, useFactory: () => createBroker(surroundings.env, db, clock) },
  { provide: CommandRuntime, useFactory: (host: ProcessHost) => new CommandRuntime(host), inject: [ProcessHost] },
];
