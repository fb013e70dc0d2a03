import { runCommand } from '../base/command.ts';
import { REDIS_SETTINGS } from '../base/settings.ts';
import { endProcess, RunFiles } from '../embedded/runFiles.ts';
import { endStrayRedis } from '../embedded/strayRedis.ts';
import { PIPELINE } from './pipeline.ts';

/** A pipeline stops within 20 s by itself. */
const STOP_TIMEOUT_MS = 20_000;

void runCommand({
  name: 'stop',
  summary: 'Stops the pipeline that "npm start" runs for this DATA_DIR, and what a killed one left behind.',
  environment: ['DATA_DIR', ...REDIS_SETTINGS, 'LOG_LEVEL'],
  async run({ config }) {
    const runFiles = new RunFiles(config.dataDir);
    const pipeline = runFiles.running(PIPELINE);
    if (pipeline !== undefined) {
      await endProcess(pipeline.owner, STOP_TIMEOUT_MS);
      console.log(`Stopped the pipeline (process ${pipeline.owner.pid}).`);
    }
    const orphans = await runFiles.endOrphans();
    if (await endStrayRedis(config, runFiles)) orphans.push('redis');
    if (orphans.length > 0)
      console.log(`Ended what a killed supervisor had left behind: ${orphans.join(', ')}.`);
    if (pipeline === undefined && orphans.length === 0) console.log('Nothing runs.');
  },
});
