import type { GatedCall } from '../approvals/gate.js';
import type { Actor } from '../contracts/auth.js';
import type { Evaluation, Service } from '../contracts/service.js';
import { ServiceConfig } from '../contracts/service.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { shownService } from './service-view.js';

/**
 * What somebody wants of a service, and what is known of it. `proposed`: it waits for a decision · `installing`: approved,
 * and whoever asked has not been told yet that it runs.
 */
export interface Proposal {
  readonly id: string;
  readonly kind: 'install' | 'attach';
  readonly name: string;
  readonly state: 'proposed' | 'installing';
  /** The table that it would have in `mcp-services.toml`; for `attach`, the one that it has. */
  readonly table: Readonly<Record<string, unknown>>;
  readonly evaluation: Evaluation | null;
  /** Names of the environment that it cannot do without and does not have yet. */
  readonly needs: readonly string[];
  readonly actor: Actor;
  /** The agent that wants it; null: a person who has yet to say yes. */
  readonly agent_id: string | null;
  readonly cwd: string;
  readonly why: string | null;
  readonly approval_id: string | null;
  readonly since: string;
}

interface Row {
  proposal_json: string;
}

/** Kept in the journal before anybody is asked, until whoever asked knows the end. */
export const proposals = {
  all: (db: Pick<StateDb, 'all'>): Proposal[] =>
    db
      .all<Row>('SELECT proposal_json FROM service_proposals ORDER BY id')
      .map(({ proposal_json }) => JSON.parse(proposal_json) as Proposal),
  put(tx: Tx, proposal: Proposal): void {
    tx.run(
      `INSERT INTO service_proposals (id, name, proposal_json) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET proposal_json = excluded.proposal_json`,
      proposal.id,
      proposal.name,
      JSON.stringify(proposal),
    );
  },
  remove(tx: Tx, id: string): void {
    tx.run('DELETE FROM service_proposals WHERE id = ?', id);
  },
};

/** The request for a person's decision; no process waits for it. Pure. */
export function askedCall(proposal: Proposal, agent_id: string): GatedCall {
  const { id, kind, evaluation, cwd } = proposal;
  const unknown =
    kind === 'attach'
      ? { level: 'medium' as const, reasons: ['one agent more will use this service'] }
      : { level: 'high' as const, reasons: ['a program outside of any container'] };
  return {
    agent_id,
    session_id: null,
    turn_id: null,
    tool_use_id: `service:${id}`,
    tool_name: kind === 'attach' ? 'attach_service' : 'install_service',
    input: askedInput(proposal),
    cwd,
    requires_user_interaction: false,
    asked: {
      request_type: 'mcp_installation',
      risk: evaluation === null ? unknown : { level: evaluation.risk_level, reasons: evaluation.reasons },
    },
  };
}

/** What a person is shown, and what the approval is bound to. */
const askedInput = ({ kind, name, table, evaluation, needs, agent_id, why }: Proposal) => ({
  service: name,
  ...(kind === 'attach' ? { attach_to: agent_id } : table),
  ...(evaluation === null ? {} : { evaluation }),
  ...(needs.length === 0 ? {} : { needs_env: [...needs] }),
  ...(why === null ? {} : { reason: why }),
});

/** The table that an approved, perhaps edited input asks for. Pure. */
export function approvedTable(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { service: _, evaluation: __, needs_env: ___, reason: ____, ...table } = input;
  return table;
}

/** A proposal that waits, as a service that is not there yet. Pure. */
export function proposedService({ name, table, evaluation, approval_id, agent_id, since }: Proposal): Service {
  const config = ServiceConfig.parse(table);
  const reason = agent_id === null ? 'Send it again with auto_approve to install it.' : `asked for by ${agent_id}`;
  return shownService({ name, config, status: 'pending_approval', reason, since, evaluation, approval_id });
}
