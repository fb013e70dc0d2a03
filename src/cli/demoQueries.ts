import type { Config } from '../base/config.ts';

const QUERIES: readonly { readonly title: string; readonly sql: string }[] = [
  {
    title: 'The latest trades',
    sql: `SELECT timestamp, question, outcome, maker_direction AS side, round(price, 3) AS price, usd_amount
FROM trades JOIN markets ON markets.id = trades.market_id
ORDER BY timestamp DESC LIMIT 5`,
  },
  {
    title: 'The most traded markets: volume counts each match once, on its taker side',
    sql: `SELECT question, count() AS matches, sum(usd_amount) AS volume_usd
FROM trades JOIN markets ON markets.id = trades.market_id
WHERE is_taker_side = 1 GROUP BY question ORDER BY volume_usd DESC LIMIT 5`,
  },
  {
    title: 'Prices by the minute in the market with the most fills',
    sql: `SELECT toStartOfMinute(timestamp) AS minute, outcome, round(min(price), 3) AS low, round(max(price), 3) AS high, count() AS fills
FROM trades
WHERE is_taker_side = 0 AND market_id =
  (SELECT market_id FROM trades WHERE market_id != '' GROUP BY market_id ORDER BY count() DESC LIMIT 1)
GROUP BY minute, outcome ORDER BY minute DESC, outcome LIMIT 6`,
  },
];

/** Prints where everything is, and three queries to try with their answers. */
export async function showQueries(config: Config, dashboardUrl: string): Promise<void> {
  const { url, database } = config.clickhouse;
  const counts = await ask(
    config,
    'SELECT (SELECT count() FROM trades), (SELECT count() FROM markets) FORMAT TSV',
  );
  const [trades, markets] = counts.trim().split('\t');
  console.log(`
${trades} trades in ${markets} markets are in ClickHouse, and more arrive all the time.

  Status page   ${dashboardUrl}
  Bull Board    ${new URL('/admin/queues', dashboardUrl).href}
  ClickHouse    ${url}  (database ${database})
`);
  for (const { title, sql } of QUERIES) {
    console.log(`${title}:\n\n  curl '${url}/?database=${database}' --data-binary "${sql}"\n`);
    console.log(await ask(config, `${sql} FORMAT PrettyCompactMonoBlock`));
  }
  console.log('Ctrl-C stops everything.');
}

async function ask(config: Config, sql: string): Promise<string> {
  const { url, database, user, password } = config.clickhouse;
  const response = await fetch(`${url}/?database=${database}&output_format_pretty_color=0`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
    body: sql,
  });
  return await response.text();
}
