/** In the environment of a child that its supervisor holds by an IPC channel. */
export const SUPERVISED = 'PIPELINE_SUPERVISED';

/**
 * Calls back when the supervisor of this process is gone, killed perhaps: nothing will ever stop or restart this process
 * then. That may have happened already, while this process was loading.
 */
export function onSupervisorGone(stop: () => void): void {
  const wasSupervised = process.env[SUPERVISED] !== undefined;
  // What this process starts itself is not held by that channel.
  Reflect.deleteProperty(process.env, SUPERVISED);
  if (process.connected) process.once('disconnect', stop);
  else if (wasSupervised) stop();
}
