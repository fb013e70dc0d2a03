import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * A thread that runs one streamed query at a time: starting one blocks its thread for as long as the engine analyses the
 * query, which must not be the thread that answers HTTP. The thread lives as long as the process: the engine does not
 * survive the end of a thread that has used it. JavaScript, because a thread starts without the TypeScript loader (and then
 * needs less memory); its messages are typed in streams.ts.
 */

const native = createRequire(import.meta.url)(workerData.loader).loadNative();
let connection;
let stream;

function close() {
  // The order matters: the engine hangs when a connection goes before its stream.
  if (stream !== undefined) native.StreamCancel(stream);
  if (connection !== undefined) native.CloseConnection(connection);
  stream = undefined;
  connection = undefined;
  parentPort.postMessage({ closed: true });
}

async function start({ path, args, prelude, sql, format }) {
  connection = native.CreateConnection(path, args);
  for (const statement of prelude) await native.QueryAsyncConnection(connection, statement, 'Null');
  stream = native.StreamQuery(connection, sql, format);
  await fetchNext();
}

async function fetchNext() {
  const { bytes, numRows, done } = await native.StreamFetch(stream);
  if (done) return close();
  const own = new Uint8Array(bytes);
  parentPort.postMessage({ bytes: own, rows: numRows }, [own.buffer]);
}

parentPort.on('message', async (message) => {
  try {
    if (message.run !== undefined) await start(message.run);
    else if (message.next) await fetchNext();
    else close();
  } catch (error) {
    parentPort.postMessage({ error: error instanceof Error ? error.message : String(error) });
    close();
  }
});
