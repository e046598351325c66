import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuthService } from './auth/auth.service.js';
import { VERSION } from './shared/version.js';

/** Where people reach the server that listens at this address. */
function urlOf({ address, port, family }: AddressInfo): string {
  const everywhere = address === '0.0.0.0' || address === '::';
  const host = everywhere ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

/**
 * Says on the terminal where Nox is, and on the very first start how to get in. The password and the link are said this
 * once, to the terminal only: they go to no log.
 */
export async function welcome(app: NestFastifyApplication): Promise<void> {
  const url = urlOf(app.getHttpServer().address() as AddressInfo);
  const say = (text: string): void => void process.stdout.write(text);
  say(`\n  Nox ${VERSION} is at ${url}\n\n`);
  const first = await app
    .get(AuthService)
    .firstStart({ admin_password: process.env['NOX_ADMIN_PASSWORD'], base_url: url });
  if (first === undefined) return;
  if (first.password === undefined) return;
  say(`  First start. User: ${first.username}   Password: ${first.password}\n`);
  say(`  Or log in with this link, once, within 15 minutes:\n  ${first.login_link}\n\n`);
  say('  Both are shown this once. Change the password in the dashboard under Settings.\n\n');
}
