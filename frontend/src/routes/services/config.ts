import { type Service, ServiceConfig } from '@contracts/service.js';

/** Its table in the registry; undefined while it is only proposed in a form that is not understood here. */
export const configOf = ({ config }: Service): ServiceConfig | undefined => ServiceConfig.safeParse(config).data;
