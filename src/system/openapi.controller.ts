import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common';
import { Route } from '../shared/http/route.js';

export class OpenApiOptions {
  constructor(readonly version: string) {}
}

/** Serves the API's own description; made at the first question, as few ask. */
@Controller()
export class OpenApiController {
  private document: Promise<Record<string, unknown>> | undefined;

  constructor(@Inject(OpenApiOptions) private readonly options: OpenApiOptions) {}

  @Route('openapi')
  read(): Promise<Record<string, unknown>> {
    this.document ??= import('./openapi.js').then(({ buildOpenApi }) => ({ ...buildOpenApi(this.options.version) }));
    return this.document;
  }
}

@Module({})
export class OpenApiModule {
  static register(version: string): DynamicModule {
    return {
      module: OpenApiModule,
      controllers: [OpenApiController],
      providers: [{ provide: OpenApiOptions, useValue: new OpenApiOptions(version) }],
    };
  }
}
