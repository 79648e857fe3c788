import t from "tap";
import { createAuthenticator } from "./auth.js";

await t.test("without a configured key everybody is allowed", async (t) => {
  t.equal(createAuthenticator(undefined)({}), "allowed");
});

await t.test("with a key", async (t) => {
  const authenticate = createAuthenticator("s3cret-kéy");

  await t.test("a request without one is told that it is missing", async (t) => {
    t.equal(authenticate({}), "missing");
    t.equal(authenticate({ authorization: "Basic czNjcmV0" }), "missing");
  });

  await t.test("the key may come as a bearer token, whatever the case of the scheme", async (t) => {
    t.equal(authenticate({ authorization: "Bearer s3cret-kéy" }), "allowed");
    t.equal(authenticate({ authorization: "bearer  s3cret-kéy " }), "allowed");
  });

  await t.test("or as X-API-Key", async (t) => {
    t.equal(authenticate({ "x-api-key": "s3cret-kéy" }), "allowed");
  });

  await t.test("another key is unknown, however similar", async (t) => {
    for (const key of ["", "s3cret-ké", "s3cret-kéyy", "S3CRET-KÉY", "x".repeat(10_000)]) {
      t.equal(authenticate({ authorization: `Bearer ${key}` }), "unknown", key.slice(0, 20));
      t.equal(authenticate({ "x-api-key": key }), "unknown", key.slice(0, 20));
    }
  });
});
