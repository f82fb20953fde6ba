// The generated types in use: what is right compiles, and what is wrong does not.
import createClient from "openapi-fetch";
import type { components, paths } from "./ingest.js";

type Order = components["schemas"]["Order"];

const order: Order = {
  kind: "order",
  order_id: "A-1",
  customer_id: "c-7",
  version: "2026-01-05T10:00:00+08:00",
  currency: "CNY",
  total: 8900,
};

export async function postOne(baseUrl: string, token: string): Promise<number> {
  const ingest = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
  const { data, error } = await ingest.POST("/v1/shops/{shop_id}/events", {
    params: { path: { shop_id: "tea-house" }, header: { "Idempotency-Key": "first" } },
    body: order,
  });
  if (error) throw new Error(`${error.type}: ${error.detail ?? error.title}`);
  return data.accepted;
}

// @ts-expect-error there is no such kind
export const parade: Order = { ...order, kind: "parade" };
// @ts-expect-error money is a number, in minor units
export const dear: Order = { ...order, total: "89.00" };
// @ts-expect-error an order has a customer
export const nobodys: Order = { kind: "order", order_id: "A-1", version: "2026-01-05T10:00:00Z" };
