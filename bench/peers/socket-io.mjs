// The limit for events: socket.io alone, in a process of its own, sending what Nox would send.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { ticks, wallClock } from '../agents/ticks.mjs';

const http = createServer((_, response) => response.end('ok'));
const io = new Server(http, { serveClient: false });
let seq = 0;
io.on('connection', (socket) => {
  socket.on('tick', async ({ rate, count }, done) => {
    await ticks(rate, count, () => {
      const payload = { turn_id: 'trn_01ARZ3NDEKTSV4RRFFQ69G5FAV', text: `${wallClock()} ` };
      const timestamp = new Date().toISOString();
      seq += 1;
      io.emit('events', [{ id: `evt_${seq}`, seq, type: 'turn.text_delta', timestamp, agent_id: 'ticker', payload }]);
    });
    done();
  });
});
http.listen(Number(process.env.PORT), '127.0.0.1');
