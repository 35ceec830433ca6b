// bybit-api, unmodified, pointed at the exchange that EXCHANGE names: REST, streams, and orders by its socket.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { RestClientV5, WebsocketAPIClient, WebsocketClient } = require('bybit-api');

const ready = JSON.parse(process.env.EXCHANGE);
const keys = { key: process.env.EXCHANGE_KEY, secret: process.env.EXCHANGE_SECRET };
const PATIENCE_MS = 20_000;
const quiet = { trace() {}, info() {}, error() {} };
const TRADED = [
  { category: 'linear', symbol: 'BTCUSDT', qty: '0.01' },
  { category: 'inverse', symbol: 'BTCUSD', qty: '100' },
  { category: 'spot', symbol: 'BTCUSDT', qty: '0.01' },
];

const client = new RestClientV5({ ...keys, baseUrl: ready.rest });
const opened = [];

// A client's socket goes to one address, so each stream has a client of its own.
function listener(wsUrl) {
  const found = new WebsocketClient({ ...keys, wsUrl, reconnectTimeout: 100 }, quiet);
  found.heard = [];
  found.answers = [];
  found.on('response', (answer) => found.answers.push(answer));
  found.on('update', (message) => found.heard.push(message));
  found.on('exception', (error) => found.heard.push({ topic: 'exception', error }));
  opened.push(found);
  return found;
}

async function until(look, what) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `it never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

async function ok(call) {
  const answer = await call;
  assert.equal(answer.retCode, 0, JSON.stringify(answer));
  return answer.result;
}

async function motion(command) {
  const headers = { 'X-Sim-Key': keys.key, 'Content-Type': 'application/json' };
  const answer = await fetch(`${ready.rest}/sim/market`, { method: 'POST', headers, body: JSON.stringify({ do: command }) });
  assert.equal(answer.status, 200);
}

async function low(at) {
  const { list } = await ok(client.getTickers(at));
  return String(Math.round(Number(list[0].lastPrice) * 0.97));
}

before(() => motion('resume'));
after(() => opened.forEach((found) => found.closeAll(true)));

test('it reads the clock, instruments, tickers, books, trades and candles', async () => {
  assert.ok(Math.abs((await client.fetchServerTime()) * 1000 - Date.now()) < 3_000);
  for (const { category, symbol } of TRADED) {
    const at = { category, symbol };
    const { list } = await ok(client.getInstrumentsInfo(at));
    assert.equal(list[0].symbol, symbol);
    assert.equal((await ok(client.getTickers(at))).list[0].symbol, symbol);
    const book = await ok(client.getOrderbook({ ...at, limit: 50 }));
    assert.ok(Number(book.b[0][0]) < Number(book.a[0][0]));
    assert.ok((await ok(client.getPublicTradingHistory({ ...at, limit: 20 }))).list.length > 0);
    assert.equal((await ok(client.getKline({ ...at, interval: '1', limit: 5 }))).list.length, 5);
  }
  const { list } = await ok(client.getInstrumentsInfo({ category: 'option', baseCoin: 'BTC' }));
  assert.ok(list.length > 0);
});

test('it reads what contracts have beside prices', async () => {
  for (const { category, symbol } of TRADED.slice(0, 2)) {
    const at = { category, symbol };
    assert.equal((await ok(client.getMarkPriceKline({ ...at, interval: '1', limit: 3 }))).list.length, 3);
    assert.equal((await ok(client.getIndexPriceKline({ ...at, interval: '1', limit: 3 }))).list.length, 3);
    assert.ok((await ok(client.getFundingRateHistory({ ...at, limit: 3 }))).list.length > 0);
    assert.ok((await ok(client.getOpenInterest({ ...at, intervalTime: '1h', limit: 3 }))).list.length > 0);
    assert.ok((await ok(client.getRiskLimit(at))).list.length > 0);
    assert.ok(Number((await ok(client.getOrderPriceLimit(at))).buyLmt) > 0);
  }
});

test('it reads the account', async () => {
  const { list } = await ok(client.getWalletBalance({ accountType: 'UNIFIED' }));
  assert.ok(list[0].coin.some((row) => row.coin === 'USDT' && Number(row.walletBalance) > 0));
  assert.equal((await ok(client.getQueryApiKey())).apiKey, keys.key);
  assert.equal((await client.getAccountInfo()).retCode, 0);
  assert.equal((await ok(client.getFeeRate({ category: 'linear', symbol: 'BTCUSDT' }))).list.length, 1);
  assert.ok((await ok(client.getTransactionLog({ accountType: 'UNIFIED' }))).list.length > 0);
});

test('it reads coins and transferable balances', async () => {
  assert.ok((await ok(client.getCoinInfo())).rows.length > 0);
  const { balance } = await ok(client.getAllCoinsBalance({ accountType: 'UNIFIED', coin: 'USDT' }));
  assert.equal(balance[0].coin, 'USDT');
});

for (const { category, symbol, qty } of TRADED) {
  const at = { category, symbol };
  test(`${category}: an order is placed, amended, cancelled; another fills and is in the history`, async () => {
    const price = await low(at);
    const name = `node-${category}`;
    const order = { ...at, side: 'Buy', orderType: 'Limit', qty, price, orderLinkId: name };
    const { orderId } = await ok(client.submitOrder(order));
    const again = await client.submitOrder(order);
    assert.equal(again.retCode, category === 'spot' ? 170141 : 110072);
    const lower = String(Number(price) - 1);
    await ok(client.amendOrder({ ...at, orderId, price: lower }));
    const { list } = await ok(client.getActiveOrders({ ...at, orderId }));
    assert.equal(Number(list[0].price), Number(lower));
    await ok(client.cancelOrder({ ...at, orderLinkId: name }));
    const late = await client.cancelOrder({ ...at, orderId });
    assert.equal(late.retCode, category === 'spot' ? 170213 : 110001);
    const past = await ok(client.getHistoricOrders({ ...at, orderId }));
    assert.equal(past.list[0].orderStatus, 'Cancelled');

    const sold = await ok(client.submitOrder({ ...at, side: 'Sell', orderType: 'Market', qty }));
    const fills = await until(async () => {
      const found = await ok(client.getExecutionList({ ...at, orderId: sold.orderId }));
      return found.list.length > 0 && found.list;
    }, 'a fill');
    assert.ok(fills.every((fill) => fill.execType === 'Trade'));
    if (category === 'spot') return;
    const held = await ok(client.getPositionInfo(at));
    assert.equal(held.list[0].side, 'Sell');
    const stop = String(Math.round(Number(held.list[0].avgPrice) * 1.1));
    await ok(client.setTradingStop({ ...at, tpslMode: 'Full', positionIdx: 0, stopLoss: stop }));
    await ok(client.submitOrder({ ...at, side: 'Buy', orderType: 'Market', qty, reduceOnly: true }));
    await until(async () => (await ok(client.getPositionInfo(at))).list[0].side === '', 'a flat position');
    assert.equal((await ok(client.getClosedPnL(at))).list[0].side, 'Buy');
    assert.equal((await ok(client.getActiveOrders(at))).list.length, 0);
  });

  test(`${category}: a book rebuilt from changes equals the exchange's`, async () => {
    const stream = listener(`${ready.ws_public}/${category}`);
    const topics = [`orderbook.50.${symbol}`, `publicTrade.${symbol}`, `tickers.${symbol}`, `kline.1.${symbol}`];
    stream.subscribeV5(topics, category);
    await until(() => topics.every((topic) => stream.heard.some((message) => message.topic === topic)), topics.join());
    await until(() => stream.heard.filter((message) => message.topic === topics[0]).length > 15, 'changes of the book');
    await motion('pause');
    try {
      const there = await ok(client.getOrderbook({ ...at, limit: 50 }));
      const rebuilt = () => {
        const sides = { b: new Map(), a: new Map() };
        for (const { topic, type, data } of stream.heard) {
          if (topic !== topics[0]) continue;
          for (const side of ['b', 'a']) {
            if (type === 'snapshot') sides[side].clear();
            for (const [level, size] of data[side]) {
              if (Number(size) === 0) assert.ok(sides[side].delete(level), `a level that was never there: ${level}`);
              else sides[side].set(level, size);
            }
          }
        }
        const best = (side, sign) =>
          [...sides[side]].sort(([one], [other]) => sign * (Number(one) - Number(other))).slice(0, 50);
        return { b: best('b', -1), a: best('a', 1) };
      };
      await until(() => JSON.stringify(rebuilt()) === JSON.stringify({ b: there.b, a: there.a }), 'the same book');
    } finally {
      await motion('resume');
    }
  });

  test(`${category}: the private stream tells of orders that went by the trade socket`, async () => {
    const stream = listener(ready.ws_private);
    stream.subscribeV5(['order', 'execution', 'position', 'wallet'], category, true);
    await until(() => stream.answers.some(({ op, success }) => op === 'subscribe' && success), 'the subscription');
    const trade = new WebsocketAPIClient({ ...keys, wsUrl: ready.ws_trade, attachEventListeners: false }, quiet);
    trade.getWSClient().on('exception', () => {});
    opened.push(trade.getWSClient());
    const rows = (topic, orderId) =>
      stream.heard.filter((message) => message.topic === topic).flatMap((message) => message.data)
        .filter((row) => row.orderId === orderId);
    const price = await low(at);
    const placed = await trade.submitNewOrder({ ...at, side: 'Buy', orderType: 'Limit', qty, price });
    assert.equal(placed.retCode, 0);
    const { orderId } = placed.data;
    await until(() => rows('order', orderId).some((row) => row.orderStatus === 'New'), 'New');
    const lower = String(Number(price) - 1);
    await trade.amendOrder({ ...at, orderId, price: lower });
    await until(() => rows('order', orderId).some((row) => Number(row.price) === Number(lower)), 'the new price');
    await trade.cancelOrder({ ...at, orderId });
    await until(() => rows('order', orderId).some((row) => row.orderStatus === 'Cancelled'), 'Cancelled');
    await assert.rejects(trade.cancelOrder({ ...at, orderId }), (error) =>
      [110001, 170213].includes(error.retCode));
    const sold = await trade.submitNewOrder({ ...at, side: 'Sell', orderType: 'Market', qty });
    await until(() => rows('execution', sold.data.orderId).length > 0, 'an execution');
    await until(() => stream.heard.some((message) => message.topic === 'wallet'), 'the wallet');
    if (category === 'spot') return;
    await until(() => stream.heard.some((message) => message.topic === 'position'), 'the position');
    await trade.submitNewOrder({ ...at, side: 'Buy', orderType: 'Market', qty, reduceOnly: true });
  });
}

test('orders go in batches, by REST and by the socket', async () => {
  const at = { category: 'linear', symbol: 'BTCUSDT' };
  const order = { symbol: at.symbol, side: 'Buy', orderType: 'Limit', qty: '0.01', price: await low(at) };
  const trade = new WebsocketAPIClient({ ...keys, wsUrl: ready.ws_trade, attachEventListeners: false }, quiet);
  trade.getWSClient().on('exception', () => {});
  opened.push(trade.getWSClient());
  const made = await client.batchSubmitOrders('linear', [order, order]);
  const more = await trade.batchSubmitOrders('linear', [order, { ...order, qty: '0.0000001' }]);
  assert.deepEqual(made.retExtInfo.list.map(({ code }) => code), [0, 0]);
  assert.deepEqual(more.retExtInfo.list.map(({ code }) => code), [0, 10001]);
  const ids = [...made.result.list, more.data.list[0]].map(({ orderId }) => ({ symbol: at.symbol, orderId }));
  const gone = await client.batchCancelOrders('linear', ids);
  assert.deepEqual(gone.retExtInfo.list.map(({ code }) => code), [0, 0, 0]);
});

test('a wrong secret and a late clock are refused', async (context) => {
  const stranger = new RestClientV5({ ...keys, secret: 'wrong', baseUrl: ready.rest });
  assert.equal((await stranger.getAccountInfo()).retCode, 10004);
  const now = Date.now;
  context.mock.method(Date, 'now', () => now() - 60_000);
  assert.equal((await client.getAccountInfo()).retCode, 10002);
});
