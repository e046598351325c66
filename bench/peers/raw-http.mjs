// The limit: a server that does nothing but answer.
import { createServer } from 'node:http';

createServer((_, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"status":"ok"}');
}).listen(Number(process.env.PORT), '127.0.0.1');
