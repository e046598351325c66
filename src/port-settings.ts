import { join } from 'node:path';
import type { Provider } from '@nestjs/common';
import { AgentsService } from './agents/agents.service.js';
import { claudeHome } from './agents/runtime/claude/claude-home.js';
import { ApprovalsService } from './approvals/approvals.service.js';
import { AttentionSettings } from './approvals/attention/attention.service.js';
import { LinkSettings } from './approvals/links/links.service.js';
import { ApprovalHistory, ApprovalSettings, PolicySource } from './approvals/ports.js';
import { AuthService } from './auth/auth.service.js';
import { JwtKeys } from './auth/jwt-keys.js';
import type { Foundations } from './foundations.js';
import { SnapshotSource } from './realtime/snapshot-source.js';
import { SpendBook } from './sessions/spend-book.js';

/** What modules ask through a port: mostly how the registry has it now, read anew each time. */
export const settings = ({ registry, surroundings, public_url, secret }: Foundations): Provider[] => [
  {
    provide: ApprovalSettings,
    useValue: {
      ask_expires_after_s: () =>
        registry.policy().policy.defaults.ask_expires_after_s ?? registry.config().approvals.ask_expires_after_s,
      attention: () => registry.config().attention,
      park_after_s: () => registry.policy().policy.defaults.park_after_s ?? registry.config().approvals.park_after_s,
      undo_s: () => registry.config().approvals.undo_s,
      critical_needs: () => registry.policy().policy.defaults.critical_needs ?? 1,
    } satisfies ApprovalSettings,
  },
  {
    provide: ApprovalHistory,
    useValue: { append: (approval) => registry.record.appendApproval(approval) } satisfies ApprovalHistory,
  },
  {
    provide: LinkSettings,
    inject: [AuthService, JwtKeys],
    useFactory: (auth: AuthService, keys: JwtKeys): LinkSettings => ({
      key: () => keys.derived('approval links'),
      roleOf: (name) => auth.listUsers().find(({ username }) => username === name)?.role,
      public_url: () => public_url(),
      max_risk: () => registry.config().attention.link_max_risk,
    }),
  },
  {
    provide: AttentionSettings,
    useValue: {
      attention: () => registry.config().attention,
      secret: (reference) => secret(reference),
    } satisfies AttentionSettings,
  },
  {
    provide: PolicySource,
    inject: [SpendBook],
    useFactory: (spent: SpendBook): PolicySource => ({
      current: () => registry.policy(),
      agent: (id) => ({
        capabilities: registry.agents().get(id)?.capabilities ?? [],
        spent_usd: spent.today(id).usd,
        permissions: registry.agents().get(id)?.permissions,
      }),
      plans: () => join(claudeHome(surroundings.env), 'plans'),
    }),
  },
  {
    provide: SnapshotSource,
    inject: [AgentsService, ApprovalsService],
    useFactory: (agents: AgentsService, approvals: ApprovalsService): SnapshotSource => ({
      agents: () => agents.all(),
      approvals: () => approvals.list({ status: 'pending', page: 1, limit: 500 }).approvals,
    }),
  },
];
