import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { PullProgress, ServiceConfig } from '../../contracts/service.js';

export interface OpenRequest {
  readonly name: string;
  readonly config: ServiceConfig;
  /** The agent that has it for itself; undefined when it is shared. */
  readonly holder: string | undefined;
  readonly onPull: (progress: PullProgress) => void;
  readonly onLine: (line: string) => void;
}

/** A server that runs and can be spoken to. */
export interface Opened {
  readonly transport: Transport;
  /** The container, for its logs and its use; null for what is none. */
  readonly container_id: string | null;
  /** Resolves with the reason when it ended without being asked to. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends it and leaves nothing. */
  end(): Promise<void>;
  /** Lets go of it without ending it: another Nox will find it. */
  leave(): void;
}

/** Brings a server of one kind to life. MCP_SERVICE_UNAVAILABLE and ENGINE_UNAVAILABLE say why it cannot. */
export interface Opener {
  open(request: OpenRequest): Promise<Opened>;
}
