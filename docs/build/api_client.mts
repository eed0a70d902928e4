/* Ten calls of the HTTP API by a generated client: PINGCRM_TOKEN=pcrm_… node api_client.mjs (scopes read, write and account)

npm install openapi-fetch openapi-typescript typescript@5
npx openapi-typescript openapi.json --default-non-nullable=false --output pingcrm.d.ts
npx tsc --strict --target es2022 --module nodenext api_client.mts
*/

import createClient from "openapi-fetch";
import type { components, paths } from "./pingcrm.d.ts";

declare const process: { env: Record<string, string | undefined> };

const client = createClient<paths>({
  baseUrl: process.env.PINGCRM_URL ?? "http://127.0.0.1:8025",
  headers: { Authorization: `Bearer ${process.env.PINGCRM_TOKEN}` },
});

/** What came back, where it is none that refuses: that one's sentence says why, and ends the program. */
function done<R extends { data?: unknown; error?: components["schemas"]["Problem"] }>(result: R): NonNullable<R["data"]> {
  if (result.error) throw new Error(`${result.error.status} ${result.error.type}: ${result.error.detail}`);
  return result.data as NonNullable<R["data"]>;
}

const me = done(await client.GET("/api/v1/me"));
console.log(`${me.address || me.name} may ${(me.scopes ?? []).join(", ")}`);

const contact = done(
  await client.POST("/api/v1/contacts", {
    // Sent again with the same key, after a lost connection, she is still made once.
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { name: "Ada Lovelace", tags: ["typed"], bios: { linkedin: "Wrote the first program." } },
  }),
);
const params = { path: { contact_id: contact.id } };
done(await client.PATCH("/api/v1/contacts/{contact_id}", { params, body: { company: "Analytical Engines" } }));
done(await client.POST("/api/v1/contacts/{contact_id}/interactions", { params, body: { title: "On the engine" } }));

const shown = done(await client.GET("/api/v1/contacts/{contact_id}", { params }));
console.log(`${shown.name}, ${shown.company}: ${shown.relationship.label}. ${shown.relationship_text}`);
for (const line of done(await client.GET("/api/v1/contacts/{contact_id}/interactions", { params })).items) {
  console.log(`  ${line.occurred_at.slice(0, 10)} ${line.platform}: ${line.title}`);
}
const query = { tag: "typed", sort: "name" } as const;
const page = done(await client.GET("/api/v1/contacts", { params: { query } }));
console.log(`${page.items.length} with the tag, ${page.next_cursor ? "and more" : "and no more"}`);
for (const meeting of done(await client.GET("/api/v1/meetings")).items) {
  console.log(`  ${meeting.starts_at} ${meeting.title}`);
}

const archive = done(await client.GET("/api/v1/me/export", { parseAs: "arrayBuffer" }));
console.log(`archive: ${archive.byteLength} bytes`);
done(await client.DELETE("/api/v1/contacts/{contact_id}", { params }));
console.log("deleted");
