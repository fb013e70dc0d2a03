import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from '../../src/base/command.ts';
import { log } from '../../src/base/log.ts';
import { nodeCommand } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { Supervisor } from '../../src/embedded/supervisor.ts';

/** A supervisor process over one Node child and one that knows nothing of IPC; journal path in JOURNAL. */
void runCommand({
  name: 'supervisor',
  summary: 'Stands in for a supervising command in the tests.',
  async run({ config, stopped, onStop, ready }) {
    const supervisor = new Supervisor({ log: log('supervisor'), runFiles: new RunFiles(config.dataDir) });
    onStop(() => supervisor.stop());
    const child = nodeCommand('test/support/childFixture.ts', [
      'node',
      process.env['JOURNAL'] ?? '',
      'stubborn',
    ]);
    await supervisor.start({
      name: 'plain',
      command: 'sleep',
      args: ['600'],
      ready: () => Promise.resolve(true),
    });
    await supervisor.start({ name: 'node', ...child, ipc: true });
    ready();
    console.log('up');
    await stopped;
    await delay(0);
  },
});
