import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from '../../contracts/errors.js';
import type { NoxError } from '../nox-error.js';
import { errorBody, toNoxError } from './problem.js';

/**
 * Answers every error of an HTTP request in the one envelope and logs it once, at the level of its row. Faults that
 * Nox did not foresee are 500 without their text; the log has it under the same `request_id`.
 */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = toNoxError(error);
    if (host.getType() !== 'http') {
      this.logger.error({ err: error }, 'unhandled error outside of a request');
      return;
    }
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    this.log(problem, error, request);
    if (reply.sent || reply.raw.headersSent) {
      // The head is out already: only breaking the answer off can tell that it is not whole.
      reply.raw.destroy();
      return;
    }
    const retry_after_s = retryAfter(problem.details);
    if (retry_after_s !== undefined) reply.header('retry-after', retry_after_s);
    if (problem.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer');
    void reply
      .status(problem.status)
      .type('application/json; charset=utf-8')
      .send(errorBody(problem, new Date().toISOString(), request.id));
  }

  private log(problem: NoxError, error: unknown, request: FastifyRequest): void {
    const { level } = ERRORS[problem.code];
    const path = request.url.split('?', 1)[0];
    const facts = {
      code: problem.code,
      request_id: request.id,
      method: request.method,
      path,
      // The stack is for faults; what a caller did wrong is told by its text.
      ...(level === 'error' ? { err: problem.cause ?? error } : { reason: problem.message }),
    };
    const method = level === 'info' ? 'log' : level;
    this.logger[method](facts, 'request refused');
  }
}

function retryAfter(details: unknown): number | undefined {
  if (typeof details !== 'object' || details === null || !('retry_after_s' in details)) return undefined;
  return typeof details.retry_after_s === 'number' ? details.retry_after_s : undefined;
}
