import * as z from 'zod';
import {
  ChangePassword,
  CreateUser,
  LoginLinkRequest,
  LoginRequest,
  RefreshRequest,
  TokenReply,
  User,
  UserList,
} from '../auth.js';
import { route, type RouteDef } from './route.js';

const none = z.object({});

export const AUTH_ROUTES = {
  auth_login: route({
    method: 'POST',
    path: '/auth/login',
    role: 'public',
    status: 200,
    summary: 'Log in with name and password',
    body: LoginRequest,
    response: TokenReply,
  }),
  auth_login_link: route({
    method: 'POST',
    path: '/auth/login-link',
    role: 'public',
    status: 200,
    summary: 'Log in with a one-time link',
    body: LoginLinkRequest,
    response: TokenReply,
  }),
  auth_refresh: route({
    method: 'POST',
    path: '/auth/refresh',
    role: 'public',
    status: 200,
    summary: 'Change a refresh token for a new pair',
    body: RefreshRequest,
    response: TokenReply,
  }),
  auth_logout: route({
    method: 'POST',
    path: '/auth/logout',
    role: 'viewer',
    status: 200,
    summary: 'End this login everywhere it is used',
    body: RefreshRequest,
    response: none,
  }),
  auth_me: route({ method: 'GET', path: '/auth/me', role: 'viewer', summary: 'Who am I?', response: User }),
  auth_password: route({
    method: 'POST',
    path: '/auth/password',
    role: 'viewer',
    status: 200,
    summary: 'Change my password',
    body: ChangePassword,
    response: none,
  }),
  users_list: route({ method: 'GET', path: '/auth/users', role: 'admin', summary: 'List users', response: UserList }),
  users_create: route({
    method: 'POST',
    path: '/auth/users',
    role: 'admin',
    status: 201,
    summary: 'Add a user',
    body: CreateUser,
    response: User,
  }),
  users_delete: route({
    method: 'DELETE',
    path: '/auth/users/:username',
    role: 'admin',
    summary: 'Remove a user',
    params: z.object({ username: z.string().max(64) }),
    response: none,
  }),
} as const satisfies Record<string, RouteDef>;
