import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';
import { runCommand } from '../base/command.ts';
import { log } from '../base/log.ts';
import { PROJECT_ROOT } from '../embedded/processes.ts';
import { redisBinary } from '../embedded/redisBinary.ts';

void runCommand({
  name: 'test',
  summary:
    'Runs every test (arguments go to vitest). The tests start what they need, a redis-server of their own included.',
  passThrough: true,
  environment: ['DATA_DIR', 'LOG_LEVEL'],
  async run({ config, argv, signal }) {
    const redis = await redisBinary({ log: log('test'), dataDir: config.dataDir, signal });
    const vitest = spawn(
      process.execPath,
      [`${PROJECT_ROOT}node_modules/vitest/vitest.mjs`, 'run', ...argv],
      {
        stdio: 'inherit',
        cwd: PROJECT_ROOT,
        env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}${delimiter}${dirname(redis)}` },
      },
    );
    signal.addEventListener('abort', () => vitest.kill('SIGTERM'), { once: true });
    const [code] = (await once(vitest, 'exit')) as [number | null];
    return code ?? 1;
  },
});
