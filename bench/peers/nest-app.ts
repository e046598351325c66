import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readFileSync } from 'node:fs';

// An answer of Nox, saved by the bench: so both send the same bytes, serialised at each request.
const saved = process.env['BODY_FILE'];
const body: unknown = saved === undefined ? {} : JSON.parse(readFileSync(saved, 'utf8'));

@Controller()
class AppController {
  @Get('health')
  health(): unknown {
    return { status: 'ok' };
  }

  @Get('agents')
  agents(): unknown {
    return body;
  }
}

@Module({ controllers: [AppController] })
class AppModule {}

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(Number(process.env['PORT']), '127.0.0.1');
