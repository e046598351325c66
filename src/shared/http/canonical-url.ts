const VERSIONED = '/api/v1';
/** Where MCP clients expect a server. */
const MCP = '/mcp';

/**
 * The one form under which a request is routed: `/api/v1/x` is `/api/x`, `/mcp` is `/api/mcp`, slashes at the end are dropped, the query
 * stays as it is.
 */
export function canonicalUrl(url: string): string {
  const mark = url.indexOf('?');
  let path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? '' : url.slice(mark);
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  path = path.slice(0, end);
  if (path === MCP) path = `/api${MCP}`;
  if (path === VERSIONED || path.startsWith(`${VERSIONED}/`)) path = `/api${path.slice(VERSIONED.length)}`;
  return path + query;
}
