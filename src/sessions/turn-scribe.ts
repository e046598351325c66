import { createHash } from 'node:crypto';
import type { RuntimeEvent, ToolCall } from '../agents/runtime/runtime.js';
import type { ApprovalsService } from '../approvals/approvals.service.js';
import type { Turn } from '../contracts/turn.js';
import type { EventLog } from '../events/event-log.js';
import { addToBlocks, changeTool } from './turn-reducer.js';
import type { OpenTurn } from './open-turn.js';
import type { TurnStore } from './turn-store.js';

/** Deltas of one turn are joined for this long, so that a talkative agent costs a bounded number of events. */
const DELTA_WINDOW_MS = 15;

export interface ScribeParts {
  readonly turns: TurnStore;
  readonly events: EventLog;
  readonly approvals: ApprovalsService;
  /** Told of what the journal refused. */
  readonly lost: (agent_id: string, what: string, error: unknown) => void;
}

/** Writes down the reply of an open turn as it comes. Contract: what it tells the world is in the journal. */
export class TurnScribe {
  constructor(private readonly parts: ScribeParts) {}

  /** Part of a text; told a moment later, with what comes meanwhile. */
  say(agent_id: string, turn: OpenTurn, text: string): void {
    turn.unsaid += text;
    turn.timer ??= setTimeout(() => this.flush(agent_id, turn), DELTA_WINDOW_MS);
  }

  /** Tells at once what was said so far. */
  flush(agent_id: string, turn: OpenTurn): void {
    clearTimeout(turn.timer);
    turn.timer = undefined;
    if (turn.unsaid === '') return;
    const text = turn.unsaid;
    turn.unsaid = '';
    this.parts.events
      .append('turn.text_delta', { turn_id: turn.id, text }, agent_id)
      .catch((error: unknown) => this.parts.lost(agent_id, 'text', error));
  }

  async addBlock(
    agent_id: string,
    turn: OpenTurn,
    event: Extract<RuntimeEvent, { type: 'text' | 'tool_call' | 'tool_result' }>,
  ): Promise<void> {
    const { turns, events, approvals } = this.parts;
    const before = turn.blocks.length;
    turn.blocks = addToBlocks(turn.blocks, event, sha256);
    const { id: turn_id } = turn;
    await turns.saveBlocks(turn_id, turn.blocks, (tx) => {
      if (event.type === 'text' && turn.blocks.length > before)
        events.appendIn(tx, 'turn.text', { turn_id, text: event.text }, agent_id);
      if (event.type === 'tool_call') {
        const { tool_use_id, name, input } = event;
        events.appendIn(tx, 'turn.tool_call', { turn_id, tool_use_id, name, input }, agent_id);
      }
      if (event.type === 'tool_result') {
        const { tool_use_id, is_error, result } = event;
        events.appendIn(tx, 'turn.tool_result', { turn_id, tool_use_id, is_error, result }, agent_id);
      }
    });
    if (event.type === 'tool_result') {
      await approvals.recordExecution(event.tool_use_id, agent_id, { executed: true, result: event.result });
    }
  }

  /** The call waits for a person. */
  markPending(agent_id: string, turn: OpenTurn, call: ToolCall, approval_id: string): void {
    turn.blocks = changeTool(withCall(turn, call), call.tool_use_id, { decision: 'pending', approval_id });
    this.parts.turns
      .saveBlocks(turn.id, turn.blocks, () => undefined)
      .catch((error: unknown) => this.parts.lost(agent_id, 'tool', error));
  }

  async tellDecision(
    agent_id: string,
    turn: OpenTurn,
    call: ToolCall,
    decision: Exclude<Awaited<ReturnType<ApprovalsService['decide']>>, { behavior: 'defer' }>,
  ): Promise<void> {
    const { behavior, by, approval_id, reason } = decision;
    const { tool_use_id } = call;
    turn.blocks = changeTool(withCall(turn, call), tool_use_id, { decision: behavior, approval_id });
    await this.parts.turns.saveBlocks(turn.id, turn.blocks, (tx) =>
      this.parts.events.appendIn(
        tx,
        'turn.tool_decided',
        { turn_id: turn.id, tool_use_id, decision: behavior, by, reason, approval_id },
        agent_id,
      ),
    );
  }
}

/** The question may come before the message that holds the call: then the call is known from the question. */
const withCall = (turn: OpenTurn, { tool_use_id, tool_name: name, input }: ToolCall): Turn['blocks'] =>
  addToBlocks(turn.blocks, { type: 'tool_call', tool_use_id, name, input, parent_tool_use_id: null }, sha256);

const sha256 = (input: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(input) ?? '')
    .digest('hex');
