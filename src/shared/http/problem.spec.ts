import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { ERRORS } from '../../contracts/errors.js';
import { NoxError } from '../nox-error.js';
import { errorBody, toNoxError } from './problem.js';

describe(toNoxError.name, () => {
  it('keeps an error that Nox threw', () => {
    const error = new NoxError('AGENT_NOT_FOUND', 'no such agent', { id: 'x' });
    expect(toNoxError(error)).toBe(error);
  });

  it.each([
    [new NotFoundException('Cannot GET /x'), 'NOT_FOUND'],
    [new BadRequestException('secret detail'), 'INVALID_REQUEST'],
    [new HttpException('teapot', 418), 'INVALID_REQUEST'],
    [Object.assign(new Error('too large'), { statusCode: 413 }), 'PAYLOAD_TOO_LARGE'],
    [Object.assign(new Error('type'), { statusCode: 415 }), 'UNSUPPORTED_MEDIA_TYPE'],
    [Object.assign(new Error('uri'), { statusCode: 414 }), 'INVALID_REQUEST'],
    [Object.assign(new Error('closing'), { statusCode: 503 }), 'SHUTTING_DOWN'],
    [new Error('password is hunter2'), 'INTERNAL_SERVER_ERROR'],
    ['thrown text', 'INTERNAL_SERVER_ERROR'],
    [undefined, 'INTERNAL_SERVER_ERROR'],
  ] as const)('%p is %s, with the text of the table only', (error, code) => {
    const found = toNoxError(error);
    expect(found.code).toBe(code);
    expect(found.message).toBe(ERRORS[code].message);
    expect(found.cause).toBe(error);
  });
});

describe(errorBody.name, () => {
  it('leaves details out when there are none', () => {
    expect(errorBody(new NoxError('NOT_FOUND', 'no'), '2026-01-01T00:00:00.000Z', 'req_1')).toEqual({
      error: { code: 'NOT_FOUND', message: 'no' },
      timestamp: '2026-01-01T00:00:00.000Z',
      request_id: 'req_1',
    });
  });
});
