import { describe, expect, it } from '@jest/globals';
import { canonicalUrl } from './canonical-url.js';

describe(canonicalUrl.name, () => {
  it.each([
    ['/', '/'],
    ['/health', '/health'],
    ['/health/', '/health'],
    ['/api/v1/agents', '/api/agents'],
    ['/api/v1/agents/?page=2', '/api/agents?page=2'],
    ['/api/v1', '/api'],
    ['/api/v10/agents', '/api/v10/agents'],
    ['/api/v1/v1/agents', '/api/v1/agents'],
    ['/api/agents?next=/api/v1/x/', '/api/agents?next=/api/v1/x/'],
    ['////', '/'],
    ['/?', '/?'],
  ])('%s is %s', (from, to) => expect(canonicalUrl(from)).toBe(to));
});
