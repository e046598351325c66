import * as z from 'zod';
import { Approval, ApprovalList, ApprovalListQuery, ApproveRequest, DenyRequest } from '../approval.js';
import { ApprovalId } from '../ids.js';
import { route, type RouteDef } from './route.js';

export const APPROVAL_ROUTES = {
  approvals_list: route({
    method: 'GET',
    path: '/approvals',
    role: 'viewer',
    summary: 'List requests for approval',
    query: ApprovalListQuery,
    response: ApprovalList,
  }),
  approvals_get: route({
    method: 'GET',
    path: '/approvals/:id',
    role: 'viewer',
    summary: 'Read a request',
    params: z.object({ id: ApprovalId }),
    response: Approval,
  }),
  approvals_approve: route({
    method: 'POST',
    path: '/approvals/:id/approve',
    role: 'operator',
    status: 200,
    summary: 'Let the call run, as asked or edited',
    params: z.object({ id: ApprovalId }),
    body: ApproveRequest,
    response: Approval,
  }),
  approvals_deny: route({
    method: 'POST',
    path: '/approvals/:id/deny',
    role: 'operator',
    status: 200,
    summary: 'Refuse the call; the agent reads the reason',
    params: z.object({ id: ApprovalId }),
    body: DenyRequest,
    response: Approval,
  }),
} as const satisfies Record<string, RouteDef>;
