import t from "tap";
import { ConfigError, ENVIRONMENT, readConfig } from "./config.js";

await t.test("an empty environment gives the documented defaults", async (t) => {
  t.match(readConfig({}), {
    serviceName: "event-collector",
    version: "1.0.0",
    logLevel: "info",
    host: "0.0.0.0",
    port: 8000,
    grpcPort: undefined,
    apiKey: undefined,
    batchEventsMax: 100,
    batchBytesMax: 1024 * 1024,
    streamBatchEvents: 10,
    corsOrigins: [],
    eventTypesExtra: [],
    spool: {
      directory: "/var/lib/event-collector/spool",
      spoolBytesMax: 10 * 1024 ** 3,
      freeBytesMin: 256 * 1024 ** 2,
      segmentBytesMax: 64 * 1024 ** 2,
      segmentAgeMs: 60_000,
    },
    shutdownDelayMs: 0,
    admin: undefined,
    tls: undefined,
    apiKeysFile: undefined,
    trustedProxies: [],
    ndjson: { bytesMax: 1024 ** 3, expansionMax: 100, rejectedMax: 10_000 },
    rates: { key: undefined, address: undefined },
    allowVolatileSpool: false,
  });
});

await t.test("an empty value counts as absent", async (t) => {
  t.match(readConfig({ API_KEY: "", HTTP_PORT: "", CORS_ORIGINS: "" }), {
    apiKey: undefined,
    port: 8000,
    corsOrigins: [],
  });
});

await t.test("lists are cut at commas and trimmed", async (t) => {
  t.match(
    readConfig({
      CORS_ORIGINS: "https://a.example, http://b.example:8080 ,",
      EVENT_TYPES_EXTRA: "quiz_seen",
    }),
    {
      corsOrigins: ["https://a.example", "http://b.example:8080"],
      eventTypesExtra: ["quiz_seen"],
    },
  );
});

await t.test("variables that belong together become one setting", async (t) => {
  const config = readConfig({
    ADMIN_PORT: "9000",
    HTTP_HOST: "::1",
    TLS_CERT_FILE: "/tls.crt",
    TLS_KEY_FILE: "/tls.key",
    RATE_LIMIT_KEY_PER_SECOND: "50",
    RATE_LIMIT_ADDRESS_PER_SECOND: "5",
    RATE_LIMIT_ADDRESS_BURST: "20",
  });
  t.match(config, {
    admin: { host: "::1", port: 9000 },
    tls: { certificateFile: "/tls.crt", keyFile: "/tls.key", clientAuthorityFile: undefined },
    rates: { key: { perSecond: 50, burst: 50 }, address: { perSecond: 5, burst: 20 } },
  });
});

await t.test("DEBUG means the debug level", async (t) => {
  t.equal(readConfig({ DEBUG: "true", LOG_LEVEL: "error" }).logLevel, "debug");
  t.equal(readConfig({ DEBUG: "0", LOG_LEVEL: "warn" }).logLevel, "warn");
});

const REFUSED: [string, Record<string, string>][] = [
  ["HTTP_PORT", { HTTP_PORT: "http" }],
  ["HTTP_PORT", { HTTP_PORT: "65536" }],
  ["HTTP_PORT", { HTTP_PORT: "-1" }],
  ["HTTP_PORT", { HTTP_PORT: "8e3" }],
  ["HTTP_PORT", { HTTP_PORT: " 80" }],
  ["DEBUG", { DEBUG: "yes" }],
  ["LOG_LEVEL", { LOG_LEVEL: "loud" }],
  ["MAX_BATCH_SIZE", { MAX_BATCH_SIZE: "0" }],
  ["MAX_BATCH_SIZE_BYTES", { MAX_BATCH_SIZE_BYTES: "1.5" }],
  ["BUFFER_MAX_BYTES", { BUFFER_MAX_BYTES: "10GiB" }],
  ["CORS_ORIGINS", { CORS_ORIGINS: "https://a.example/" }],
  ["CORS_ORIGINS", { CORS_ORIGINS: "*,https://a.example" }],
  ["STREAM_BATCH_SIZE", { STREAM_BATCH_SIZE: "101" }],
  ["BUFFER_SEGMENT_BYTES", { BUFFER_SEGMENT_BYTES: "2097152", BUFFER_MAX_BYTES: "1048576" }],
  ["GRPC_PORT", { GRPC_PORT: "8000" }],
  ["ADMIN_PORT", { ADMIN_PORT: "8000" }],
  ["ADMIN_PORT", { ADMIN_PORT: "50051", GRPC_PORT: "50051" }],
  ["ADMIN_HOST", { ADMIN_HOST: "127.0.0.1" }],
  ["TLS_CERT_FILE", { TLS_CERT_FILE: "/tls.crt" }],
  ["TLS_CERT_FILE", { TLS_KEY_FILE: "/tls.key" }],
  ["TLS_CLIENT_CA_FILE", { TLS_CLIENT_CA_FILE: "/ca.crt" }],
  ["TRUSTED_PROXIES", { TRUSTED_PROXIES: "proxy.example.org" }],
  ["TRUSTED_PROXIES", { TRUSTED_PROXIES: "10.0.0.0/33" }],
  ["RATE_LIMIT_KEY_BURST", { RATE_LIMIT_KEY_BURST: "10" }],
  ["RATE_LIMIT_ADDRESS_BURST", { RATE_LIMIT_ADDRESS_BURST: "10" }],
  ["RATE_LIMIT_ADDRESS_PER_SECOND", { RATE_LIMIT_ADDRESS_PER_SECOND: "0" }],
  ["MAX_NDJSON_BYTES", { MAX_NDJSON_BYTES: "1048575" }],
  ["MAX_PENDING_BODY_BYTES", { MAX_PENDING_BODY_BYTES: "1048576" }],
  ["BUFFER_QUEUE_BYTES", { BUFFER_QUEUE_BYTES: "1048576" }],
  ["EVENT_TYPES_EXTRA", { EVENT_TYPES_EXTRA: "x".repeat(65) }],
];

for (const [name, environment] of REFUSED) {
  await t.test(`${JSON.stringify(environment)} stops the start and names ${name}`, async (t) => {
    t.throws(() => readConfig(environment), { name: "ConfigError", message: new RegExp(`^${name} `) });
  });
}

await t.test("all bad values are named at once, and none is quoted", async (t) => {
  try {
    readConfig({ HTTP_PORT: "s3cret", DEBUG: "s3cret" });
    t.fail("it did not throw");
  } catch (error) {
    t.type(error, ConfigError);
    t.match(String(error), /HTTP_PORT.*DEBUG|DEBUG.*HTTP_PORT/);
    t.notMatch(String(error), /s3cret/);
  }
});

await t.test("the configuration cannot be changed", async (t) => {
  t.ok(Object.isFrozen(readConfig({})));
  t.ok(Object.isFrozen(readConfig({}).spool));
});

await t.test("every variable has a description, for the table of the documentation", async (t) => {
  t.ok(ENVIRONMENT.length > 20);
  for (const { name, description } of ENVIRONMENT) t.ok(description.length > 20, name);
  t.equal(ENVIRONMENT.find(({ name }) => name === "HTTP_PORT")?.default, "8000");
});

await t.test("the longest line that a request can lead to fits in the queue", async (t) => {
  for (const bytes of ["1024", "1048576", "67108864"]) {
    const { spool } = readConfig({ MAX_BATCH_SIZE_BYTES: bytes });
    t.ok(spool.queueBytesMax >= spool.lineBytesMax);
  }
});
