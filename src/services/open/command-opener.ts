import { randomUUID } from 'node:crypto';
import type { ServiceConfig } from '../../contracts/service.js';
import type { Confine, ProcessHost } from '../../agents/process/process-host.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import { StreamTransport } from '../mcp/stream-transport.js';
import type { Opened, Opener, OpenRequest } from './opener.js';

const STOP_GRACE_MS = 2000;
/** What a program needs to run at all; nothing else of Nox's environment reaches it. */
const KEPT = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

export interface CommandPlace {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  confine(env: Readonly<Record<string, string>>): Promise<Confine>;
}

/** Services that are programs of this machine, spoken to over their standard streams, in a confined tree of their own. */
export class CommandOpener implements Opener {
  constructor(
    private readonly host: ProcessHost,
    private readonly place: CommandPlace,
    private readonly secrets: (env: ServiceConfig['env']) => Promise<Record<string, string>>,
  ) {}

  async open({ config, onLine }: OpenRequest): Promise<Opened> {
    const kept = Object.fromEntries(
      KEPT.flatMap((key) => (this.place.env[key] === undefined ? [] : [[key, this.place.env[key]]])),
    );
    const env = { ...kept, ...(await this.secrets(config.env)) } as Record<string, string>;
    const argv = [config.command ?? '', ...config.args] as [string, ...string[]];
    const confine = await this.place.confine(env);
    const request = { run_id: randomUUID(), argv, cwd: this.place.cwd, env, confine };
    const running = await this.host.spawn(request).catch((error: unknown) => {
      throw new NoxError(
        'MCP_SERVICE_UNAVAILABLE',
        `${config.command ?? ''} could not be started: ${messageOf(error)}`,
      );
    });
    const { stdin, stdout, stderr } = running;
    stdin.on('error', () => stdin.destroy());
    stderr.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line !== '') onLine(line.slice(0, 65_536));
    });
    const end = async (): Promise<void> => void (await running.end({ grace_ms: STOP_GRACE_MS }));
    return {
      transport: new StreamTransport({ stdin, stdout, close: () => void stdin.end() }),
      container_id: null,
      ended: running.exited.then(
        ({ exit_code, signal }) => `its process ended with ${signal ?? `code ${exit_code ?? '?'}`}`,
      ),
      end,
      // A process dies with its Nox; there is nothing to come back to.
      leave: () => void end(),
    };
  }
}
