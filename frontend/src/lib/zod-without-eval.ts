import { z } from 'zod';

// Must come before any schema is made: the served policy forbids evaluating text, and zod would try.
z.config({ jitless: true });
