import { envExample } from '../base/envExample.ts';

/** Prints .env.example: `npm run env-example` after a change of the settings; a test compares the two. */
process.stdout.write(envExample());
