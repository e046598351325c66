import * as z from 'zod';
import { Backup, BackupName } from '../backup.js';
import { SystemConfig } from '../config.js';
import { EventList, EventQuery } from '../event.js';
import { EmergencyStopReply, EmergencyStopRequest, GateView, Health, SystemStatus, UseModel } from '../system.js';
import { route, type RouteDef } from './route.js';

export const SYSTEM_ROUTES = {
  health: route({
    method: 'GET',
    path: '/health',
    root: true,
    role: 'public',
    summary: 'Is Nox serving?',
    response: Health,
  }),
  openapi: route({
    method: 'GET',
    path: '/openapi.json',
    root: true,
    role: 'public',
    summary: 'This document',
    response: z.record(z.string(), z.unknown()),
  }),
  system_status: route({
    method: 'GET',
    path: '/system/status',
    role: 'viewer',
    summary: 'Components, counts and the model in use',
    response: SystemStatus,
  }),
  system_config: route({
    method: 'GET',
    path: '/system/config',
    role: 'viewer',
    summary: 'The settings in force',
    response: SystemConfig,
  }),
  system_model: route({
    method: 'POST',
    path: '/system/model',
    role: 'admin',
    status: 200,
    summary: 'Use the real Claude or the scripted model',
    body: UseModel,
    response: SystemStatus,
  }),
  system_gate: route({
    method: 'GET',
    path: '/system/gate',
    role: 'viewer',
    summary: 'Whether the Claude CLI was proven to hold tool calls back when the gate breaks',
    response: GateView,
  }),
  system_gate_prove: route({
    method: 'POST',
    path: '/system/gate/prove',
    role: 'admin',
    status: 200,
    summary: 'Try the Claude CLI again in every way of breaking the gate; takes some seconds',
    response: GateView,
  }),
  system_backup: route({
    method: 'POST',
    path: '/system/backup',
    role: 'admin',
    status: 200,
    summary: 'Make one archive of registry and journal, and read it back; nothing stops meanwhile',
    response: Backup,
  }),
  system_backup_file: route({
    method: 'GET',
    path: '/system/backups/:name',
    role: 'admin',
    summary: 'The newest backup itself',
    params: z.object({ name: BackupName }),
    response: z.string(),
    file: 'application/gzip',
  }),
  system_emergency_stop: route({
    method: 'POST',
    path: '/system/emergency-stop',
    role: 'operator',
    status: 200,
    summary: 'End every agent at once and let none start until it is cleared',
    body: EmergencyStopRequest,
    response: EmergencyStopReply,
  }),
  system_emergency_clear: route({
    method: 'POST',
    path: '/system/emergency-stop/clear',
    role: 'admin',
    status: 200,
    summary: 'Clear the emergency stop; agents that should be active start again',
    response: EmergencyStopReply,
  }),
  events: route({
    method: 'GET',
    path: '/events',
    role: 'viewer',
    summary: 'Live events (SSE), resumable with Last-Event-ID; follow=false for a page',
    query: EventQuery,
    response: EventList,
    streams: true,
  }),
} as const satisfies Record<string, RouteDef>;
