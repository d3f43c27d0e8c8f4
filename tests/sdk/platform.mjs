// StackOne's own TypeScript SDK, unchanged, against a hub: every platform operation that both have.
// Reads HUB_URL and HUB_KEY; prints one line for each check, and ends with 1 where one fails.

import assert from "node:assert/strict";
import { StackOne } from "@stackone/stackone-client-ts";

const { HUB_URL: serverURL, HUB_KEY: username } = process.env;
const sdk = new StackOne({ serverURL, security: { username, password: "" } });
const owner = { originOwnerId: "acme-7", originOwnerName: "Acme" };

async function check(name, body) {
  await body();
  console.log(`ok ${name}`);
}

async function refused(statusCode, call) {
  const error = await call().then(() => null, (error) => error);
  assert.equal(error?.statusCode, statusCode, String(error));
  const body = JSON.parse(error.body);
  assert.equal(body.statusCode, statusCode);
  assert.equal(typeof body.message, "string");
  assert.match(body.timestamp, /^\d{4}-.*Z$/);
}

let token;
await check("connect session: create", async () => {
  const { connectSessionTokenAuthLink: made } = await sdk.connectSessions.createConnectSession({
    ...owner, provider: "bamboohr", categories: ["hris"], expiresIn: 900, label: "from the SDK",
  });
  assert.equal(made.originOwnerId, "acme-7");
  assert.equal(made.provider, "bamboohr");
  assert.equal(made.type, "production");
  assert.ok(made.createdAt instanceof Date);
  assert.match(made.token, /^[\w.~-]+$/);
  assert.ok(made.authLinkUrl.endsWith(made.token));
  token = made.token;
});

await check("connect session: authenticate", async () => {
  const { connectSession } = await sdk.connectSessions.authenticateConnectSession({ token });
  assert.equal(connectSession.label, "from the SDK");
  await refused(401, () => sdk.connectSessions.authenticateConnectSession({ token: `${token}x` }));
});

await check("connect session: refusals", async () => {
  const create = (body) => () => sdk.connectSessions.createConnectSession({ ...owner, ...body });
  await refused(400, create({ provider: "hubspot" }));
  await refused(400, create({ expiresIn: 0 }));
  await refused(404, create({ accountId: "019aaaaa-0000-7000-8000-000000000000" }));
});

let id;
await check("accounts: list, in all pages and with every filter", async () => {
  const list = async (query) => (await sdk.accounts.listLinkedAccounts(query)).classes;
  const all = await list({});
  assert.equal(all.length, 25);
  const pages = [];
  for (let page = 1; ; page += 1) {
    const rows = await list({ page, pageSize: 7 });
    pages.push(...rows.map((row) => row.id));
    if (rows.length < 7) break;
  }
  assert.equal(pages.length, 30);
  assert.equal(new Set(pages).size, 30);
  id = pages[3];
  assert.deepEqual((await list({ accountIds: pages.slice(2, 5) })).map((row) => row.id), pages.slice(2, 5));
  assert.equal((await list({ originOwnerIds: ["owner-1", "owner-2"] })).length, 2);
  assert.equal((await list({ originOwnerId: "owner-1" })).length, 1);
  assert.equal((await list({ originOwnerIds: [] })).length, 25);
  assert.equal((await list({ originOwnerIds: ["owner-1,owner-2"] })).length, 0);
  for (const nobody of [{ originOwnerId: "" }, { originOwnerIds: [""] }, { accountIds: [""] }]) {
    await refused(400, () => list(nobody));
  }
  assert.equal((await list({ providers: ["bamboohr"], status: ["active", "error"], pageSize: 100 })).length, 30);
  assert.equal((await list({ status: ["suspended"] })).length, 0);
});

await check("accounts: get", async () => {
  const { linkedAccount } = await sdk.accounts.getAccount({ id });
  assert.equal(linkedAccount.id, id);
  assert.equal(linkedAccount.provider, "bamboohr");
  assert.equal(linkedAccount.providerName, "BambooHR");
  assert.equal(linkedAccount.status, "active");
  assert.ok(linkedAccount.updatedAt instanceof Date);
  await refused(404, () => sdk.accounts.getAccount({ id: "019aaaaa-0000-7000-8000-000000000000" }));
  await refused(404, () => sdk.accounts.getAccount({ id: "no such id/.." }));
});

await check("accounts: update", async () => {
  const patch = async (patchAccountExternalDto) =>
    (await sdk.accounts.updateAccount({ id, patchAccountExternalDto })).linkedAccount;
  assert.equal((await patch({ originOwnerName: "Globex", type: "test" })).originOwnerName, "Globex");
  assert.equal((await patch({ type: "production" })).type, "production");
});

await check("accounts: meta", async () => {
  const { linkedAccountMeta } = await sdk.accounts.getAccountMetaInfo({ id });
  assert.deepEqual([linkedAccountMeta.provider, linkedAccountMeta.category], ["bamboohr", "hris"]);
});

await check("accounts: delete", async () => {
  assert.equal((await sdk.accounts.deleteAccount({ id })).linkedAccount.id, id);
  await refused(404, () => sdk.accounts.deleteAccount({ id }));
});

await check("connectors: meta", async () => {
  const list = async (include) => (await sdk.connectors.listConnectorsMeta({ include })).classes;
  assert.deepEqual((await list()).map((row) => row.provider), ["bamboohr"]);
  assert.ok((await list("inactive")).length > 200);
  const { connectorsMeta } = await sdk.connectors.getConnectorMeta({ provider: "hubspot", include: "resources" });
  assert.equal(connectorsMeta.active, false);
  assert.match(connectorsMeta.resources.images.logoUrl, /hubspot/);
});

await check("a wrong key", async () => {
  const stranger = new StackOne({ serverURL, security: { username: "v1.local.1_wrong", password: "" } });
  await refused(401, () => stranger.accounts.listLinkedAccounts({}));
});
