import { homedir } from 'node:os';
import type { TokenReply } from '../contracts/auth.js';
import { NoxApiError } from '../client/api-error.js';
import { NoxClient } from '../client/http-client.js';
import type { Cli } from './cli.js';
import { nodeSend } from './node-send.js';
import { credentialsPath, CredentialStore, loginOf } from './credentials.js';

/** An access token that ends sooner than this is renewed before it is used. */
const MARGIN_MS = 10_000;

export const storeOf = (cli: Cli): CredentialStore =>
  new CredentialStore(credentialsPath(cli.io.env, cli.io.env['HOME'] || homedir()));

/** A client without a login, for the routes that are public. */
export const publicClient = (cli: Cli, url = cli.url): NoxClient =>
  new NoxClient({ base_url: url, retries: 0, fetch: nodeSend });

/**
 * The client for this call: with the token that was given, else with the stored login, which is renewed when it has
 * ended. Without either the server will say that a login is needed.
 */
export async function openSession(cli: Cli): Promise<NoxClient> {
  const base = { base_url: cli.url, retries: 0, fetch: nodeSend };
  if (cli.given_token !== undefined) return new NoxClient({ ...base, token: cli.given_token });
  const store = storeOf(cli);
  let login = await store.get(cli.url);
  if (login === undefined) return new NoxClient(base);

  const renew = async (): Promise<string | undefined> => {
    if (login === undefined) return undefined;
    login = await store.renew(cli.url, login.access_token, (refresh_token) => exchange(cli, refresh_token));
    return login?.access_token;
  };
  const getToken = async (): Promise<string | undefined> => {
    if (login === undefined || Date.parse(login.expires_at) - cli.now_ms > MARGIN_MS) return login?.access_token;
    return renew();
  };
  return new NoxClient({ ...base, getToken, refresh: renew });
}

async function exchange(cli: Cli, refresh_token: string) {
  try {
    const reply = await publicClient(cli).call('auth_refresh', { body: { refresh_token } }, { timeout_ms: 10_000 });
    return loginOf(reply, cli.now_ms);
  } catch (error) {
    if (error instanceof NoxApiError && error.status === 401) return undefined;
    throw error;
  }
}

/** Stores what a login answered. */
export const keepLogin = (cli: Cli, url: string, reply: TokenReply): Promise<void> =>
  storeOf(cli).set(url, loginOf(reply, cli.now_ms));
