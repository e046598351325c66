import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Attention } from '../../contracts/attention.js';

const TIMEOUT_MS = 10_000;

/** A delivery that failed. `final`: trying again would change nothing. The message holds no address and no secret. */
export class DeliveryError extends Error {
  constructor(
    message: string,
    readonly final: boolean,
  ) {
    super(message);
  }
}

/** Where machines keep their own credentials: nobody is told anything there, whatever the settings say. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6');

/** Also for an IPv4 address in IPv6 clothes. */
const isForbidden = (address: string): boolean =>
  isIP(address) !== 0 && FORBIDDEN.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

const checkedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    if (addresses.some(({ address }) => isForbidden(address)))
      return callback(new DeliveryError('the address is link-local', true), '', 0);
    const [first] = addresses;
    return options.all === true ? callback(null, addresses) : callback(null, first?.address ?? '', first?.family ?? 0);
  });
};

/** `t=<unix time>,v1=<hex HMAC-SHA256 over "<t>.<body>">`: a receiver checks both, so that nothing is forged or replayed. */
export const signature = (secret: string, body: string, now_ms: number): string => {
  const t = Math.floor(now_ms / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
};

/** Posts JSON. Follows no redirect: the address that was configured is the only one. Rejects with DeliveryError. */
export function postJson(address: string, body: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const url = new URL(address);
  if (isForbidden(url.hostname.replace(/^\[|\]$/g, '')))
    return Promise.reject(new DeliveryError('the address is link-local', true));
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      lookup: checkedLookup,
      timeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      agent: false,
    });
    sent.on('response', (response) => {
      // What it says is nobody's concern.
      response.destroy();
      const { statusCode: status = 0 } = response;
      if (status >= 200 && status < 300) return resolve();
      const again = status === 408 || status === 429 || status >= 500;
      return reject(new DeliveryError(`it answered ${status}`, !again));
    });
    sent.on('timeout', () => sent.destroy(new DeliveryError('it did not answer in time', false)));
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error instanceof DeliveryError) return reject(error);
      return reject(new DeliveryError(error.code ?? error.name, false));
    });
    sent.end(body);
  });
}

/** A plain mail. Rejects with DeliveryError; an address that the server refuses is final. */
export async function sendMail(
  smtp: NonNullable<Attention['smtp']>,
  password: string | undefined,
  mail: { readonly to: readonly string[]; readonly subject: string; readonly text: string; readonly id: string },
): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.secure,
    requireTLS: !smtp.secure && !smtp.insecure,
    ignoreTLS: smtp.insecure,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // Texts are given here; nothing is fetched for a mail.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: password ?? '' } }),
  });
  try {
    const { to, subject, text, id } = mail;
    await transport.sendMail({ from: smtp.from, to: [...to], subject, text, messageId: `<${id}@nox>` });
  } catch (error) {
    const { code = 'failed', responseCode = 0 } = error as { code?: string; responseCode?: number };
    throw new DeliveryError(`mail server: ${code}${responseCode === 0 ? '' : ` ${responseCode}`}`, responseCode >= 500);
  } finally {
    transport.close();
  }
}
