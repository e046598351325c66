/** When agents are taken to run away, over a window of time; 0 switches a limit off. */
export interface StormLimits {
  readonly window_s: number;
  /** Messages of one agent to all others. */
  readonly max_messages: number;
  /** Messages of two agents to each other, taking turns. */
  readonly max_exchanges: number;
  /** Calls of one tool with the same words. */
  readonly max_same_calls: number;
  /** Agents asked for. */
  readonly max_spawns: number;
}

/** One use of a tool, as far as it matters here. */
export interface Use {
  readonly at_ms: number;
  readonly agent_id: string;
  readonly tool: string;
  /** The words of the call, or a hash of them. */
  readonly words: string;
  /** Recipients of a message. */
  readonly to: readonly string[];
}

export type Storm = 'message_flood' | 'ping_pong' | 'repeated_call' | 'spawn_storm';

export interface Alarm {
  readonly storm: Storm;
  /** In a sentence, for the person who finds the agent parked. */
  readonly reason: string;
}

/**
 * What the last use of an agent's tools adds up to, given those of the window before it, oldest first and the last one among them. Pure.
 */
export function judgeStorm(uses: readonly Use[], limits: StormLimits): Alarm | undefined {
  const last = uses.at(-1);
  if (last === undefined) return undefined;
  const recent = uses.filter(({ at_ms }) => last.at_ms - at_ms < limits.window_s * 1000);
  const own = recent.filter(({ agent_id }) => agent_id === last.agent_id);
  const in_time = `within ${limits.window_s} s`;
  const over = (count: number, max: number): boolean => max > 0 && count > max;

  const same = own.filter(({ tool, words }) => tool === last.tool && words === last.words).length;
  if (over(same, limits.max_same_calls)) {
    return { storm: 'repeated_call', reason: `it called ${last.tool} ${same} times with the same words ${in_time}` };
  }
  const spawns = own.filter(({ tool }) => tool === 'spawn_agent').length;
  if (last.tool === 'spawn_agent' && over(spawns, limits.max_spawns)) {
    return { storm: 'spawn_storm', reason: `it asked for ${spawns} agents ${in_time}` };
  }
  for (const partner of last.to) {
    const exchanges = exchangesOf(recent, last.agent_id, partner);
    if (over(exchanges, limits.max_exchanges)) {
      return { storm: 'ping_pong', reason: `it and ${partner} answered each other ${exchanges} times ${in_time}` };
    }
  }
  const sent = own.reduce((sum, { to }) => sum + to.length, 0);
  if (last.to.length > 0 && over(sent, limits.max_messages)) {
    return { storm: 'message_flood', reason: `it sent ${sent} messages ${in_time}` };
  }
  return undefined;
}

/** How often the two took turns: many messages in one direction are no conversation. */
function exchangesOf(uses: readonly Use[], one: string, other: string): number {
  let turns = 0;
  let speaker: string | undefined;
  for (const { agent_id, to } of uses) {
    const between = (agent_id === one && to.includes(other)) || (agent_id === other && to.includes(one));
    if (!between || agent_id === speaker) continue;
    if (speaker !== undefined) turns += 1;
    speaker = agent_id;
  }
  return turns;
}
