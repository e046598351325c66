/** Bounds of the HTTP server: no client can hold more than these, however slow or hostile it is. */
export const HTTP_LIMITS = {
  body_bytes: 1024 * 1024,
  /** Of a route with `large_body`; and so many such bodies at once, since they come before anybody is known. */
  large_body_bytes: 32 * 1024 * 1024,
  max_large_bodies: 2,
  /** From the start of a connection, or of the next request on it, to the end of its headers. */
  headers_ms: 10_000,
  /** The same to the end of the body. Answers may take longer. */
  request_ms: 30_000,
  keep_alive_ms: 5_000,
  check_every_ms: 1_000,
  max_connections: 1_000,
  max_url_param_chars: 300,
} as const;
