import { test } from 'vitest';
import { ModelSubgraph } from './modelSubgraph.ts';
import { START } from './pagedEvents.ts';
import { Reader } from './reader.ts';
test('x', async () => {
  const subgraph = new ModelSubgraph();
  const f = subgraph.fetch;
  (subgraph as any).fetch = async (u: any, i: any) => { const r = await f(u, i); const t = await r.text(); const w = JSON.parse(i.body).variables.where; console.log('ask', JSON.stringify(w), w.id_gt ?? w.timestamp_gt - START, JSON.parse(t).data.orderFilledEvents.map((e: any) => e.id).join()); return new Response(t); };
  const reader = new Reader(subgraph, 1, [], false); subgraph.lies.push('none','none','none','has nothing','none','has nothing','has nothing');
const all = ([['0',1],['0',200],['0',0]] as const).map(([id, sec], tag) => ({ late:false, place: { position: START + sec, id }, record: { id, timestamp: String(START + sec), tag } }));
  const polls = [0,0,300,300,300,300];
  for (const [nth, head] of polls.entries()) {
    subgraph.head = START + head;
    subgraph.events = all.filter((e) => e.place.position <= START + head);
    await reader.poll(nth);
    console.log('poll', nth, reader.cursor?.position! - START, reader.cursor?.id, JSON.stringify([...reader.landed]), 'known', JSON.stringify((reader as any).known));
  }
});
