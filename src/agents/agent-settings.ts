import type { AgentConfig, ResourceLimits, RestartConfig } from '../contracts/agent.js';

/** The limits of all agents, with what this one says otherwise. */
export const limitsOf = (defaults: ResourceLimits, agent: AgentConfig): ResourceLimits => ({
  ...defaults,
  ...withoutUndefined(agent.resource_limits ?? {}),
});

/** The restart policy of all agents, with what this one says otherwise. */
export function restartConfigOf(defaults: RestartConfig, agent: AgentConfig): RestartConfig {
  const own = agent.restart ?? {};
  return {
    policy: own.policy ?? defaults.policy,
    intensity: own.intensity ?? defaults.intensity,
    period_s: own.period_s ?? defaults.period_s,
    reset_after_s: own.reset_after_s ?? defaults.reset_after_s,
    backoff_ms: { ...defaults.backoff_ms, ...withoutUndefined(own.backoff_ms ?? {}) },
  };
}

const withoutUndefined = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
