// `npm run bench`: lets Node run the project's TypeScript as it is, then starts the benches.
import '../scripts/typescript-hooks.mjs';

const { main } = await import('./main.js');
await main(process.argv.slice(2));
// PM2's client keeps timers and sockets even after it has been disconnected.
process.exit();
