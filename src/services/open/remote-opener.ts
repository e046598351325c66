import type { ServiceConfig } from '../../contracts/service.js';
import { httpTransport } from '../mcp/http-transport.js';
import type { Opened, Opener, OpenRequest } from './opener.js';

/** Services that run elsewhere, over streamable HTTP. Nox holds their credential; agents never see it. */
export class RemoteOpener implements Opener {
  constructor(private readonly secrets: (env: ServiceConfig['env']) => Promise<Record<string, string>>) {}

  async open({ config }: OpenRequest): Promise<Opened> {
    const { AUTHORIZATION: authorization } = await this.secrets(config.env);
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    return {
      transport: await httpTransport(new URL(config.url ?? ''), headers),
      container_id: null,
      // Its end shows in the connection only.
      ended: new Promise(() => undefined),
      end: () => Promise.resolve(),
      leave: () => undefined,
    };
  }
}
