import * as z from 'zod';
import { CommitHash } from '../ids.js';
import {
  CommitView,
  DiffQuery,
  History,
  HistoryQuery,
  RegistryDiff,
  RegistryStatus,
  RollbackRequest,
  RollbackResult,
} from '../registry.js';
import { route, type RouteDef } from './route.js';

export const REGISTRY_ROUTES = {
  registry_status: route({
    method: 'GET',
    path: '/registry/status',
    role: 'viewer',
    summary: 'Where the registry stands',
    response: RegistryStatus,
  }),
  registry_history: route({
    method: 'GET',
    path: '/registry/history',
    role: 'viewer',
    summary: 'Who changed what, newest first',
    query: HistoryQuery,
    response: History,
  }),
  registry_commit: route({
    method: 'GET',
    path: '/registry/commits/:hash',
    role: 'viewer',
    summary: 'One commit with its diff',
    params: z.object({ hash: CommitHash }),
    response: CommitView,
  }),
  registry_diff: route({
    method: 'GET',
    path: '/registry/diff',
    role: 'viewer',
    summary: 'What differs between two commits',
    query: DiffQuery,
    response: RegistryDiff,
  }),
  registry_rollback: route({
    method: 'POST',
    path: '/registry/rollback',
    role: 'admin',
    status: 200,
    summary: 'Go back to a commit by a new one, and reconcile the live agents',
    body: RollbackRequest,
    response: RollbackResult,
  }),
} as const satisfies Record<string, RouteDef>;
