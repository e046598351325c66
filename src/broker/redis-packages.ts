// Loaded only when Redis is used. Named here once, because a CommonJS package that is imported dynamically has only its
// default in the bundle.
export { Queue } from 'bullmq';
export { Redis } from 'ioredis';
