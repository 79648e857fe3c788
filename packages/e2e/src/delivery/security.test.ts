/**
 * Every way to log in, against a broker that demands it, over plain connections and TLS with certificates made here.
 * What is wrong with credentials, certificates or rights delays delivery and never makes a dead letter.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { startKafka } from "../kafka/index.js";
import type { Program } from "../program.js";
import { missing } from "../sh.js";
import { temporaryFolder } from "../torture/folder.js";
import { grant, setPassword } from "./admin-request.js";
import { createAuthority, keyStore } from "./certificates.js";
import { openFeed } from "./feed.js";
import { createRoute, faultsOnArrival, isOpen, type Route } from "./route.js";
import { createStock, type Stock } from "./stock.js";

const PASSWORD = "correct horse";

const missingTool = await missing("openssl");
if (missingTool !== false) {
  t.plan(0, missingTool);
  process.exit();
}

const folder = await temporaryFolder(t);
const authority = await createAuthority(folder, "authority");
const stranger = await createAuthority(folder, "stranger");
const client = await authority.issue("client", PASSWORD);
const store = await keyStore(folder, await authority.issue("broker"));

function tlsListener(name: string): Record<string, string> {
  return {
    [`listener.name.${name}.ssl.keystore.type`]: "PEM",
    [`listener.name.${name}.ssl.keystore.location`]: store,
    [`listener.name.${name}.ssl.truststore.type`]: "PEM",
    [`listener.name.${name}.ssl.truststore.location`]: authority.certificate,
  };
}

function saslListener(name: string): Record<string, string> {
  const modules = "org.apache.kafka.common.security";
  const of = (mechanism: string, module: string): [string, string] => [
    `listener.name.${name}.${mechanism}.sasl.jaas.config`,
    `${modules}.${module};`,
  ];
  return {
    [`listener.name.${name}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    ...Object.fromEntries([
      of("plain", `plain.PlainLoginModule required user_alice="${PASSWORD}"`),
      of("scram-sha-256", "scram.ScramLoginModule required"),
      of("scram-sha-512", "scram.ScramLoginModule required"),
      of("oauthbearer", 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"'),
    ]),
  };
}

const kafka = await startKafka(t, {
  listeners: [
    { name: "TLS", protocol: "SSL" },
    { name: "MUTUAL", protocol: "SSL" },
    { name: "SASL", protocol: "SASL_PLAINTEXT" },
    { name: "BOTH", protocol: "SASL_SSL" },
  ],
  properties: {
    ...tlsListener("tls"),
    ...tlsListener("mutual"),
    "listener.name.mutual.ssl.client.auth": "required",
    ...saslListener("sasl"),
    ...tlsListener("both"),
    ...saslListener("both"),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:alice;User:CN=client",
  },
  formatArguments: ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=alice,password=${PASSWORD}]`,
  ]),
});
const needsApache = { skip: kafka.kind !== "apache" && "needs Apache Kafka" };
const addresses = kafka.nodes[0]?.extraAddresses ?? new Map<string, string>();

function at(listener: string): { KAFKA_BOOTSTRAP_SERVERS: string } {
  return { KAFKA_BOOTSTRAP_SERVERS: addresses.get(listener) ?? "" };
}

async function secretFile(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** A token that says who its bearer is, signed by nobody: what a broker without a key takes. */
function unsecuredToken(subject: string): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: subject, iat: now, exp: now + 3600 })}.`;
}

const tls = { KAFKA_SECURITY_PROTOCOL: "ssl", KAFKA_SSL_CA_FILE: authority.certificate };
const user = (mechanism: string): Record<string, string> => ({
  KAFKA_SECURITY_PROTOCOL: "sasl_plaintext",
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: "alice",
  KAFKA_SASL_PASSWORD: PASSWORD,
});

const WAYS: Record<string, () => Promise<Record<string, string>>> = {
  TLS: () => Promise.resolve({ ...at("TLS"), ...tls }),
  "mutual TLS, the key under a password from a file": async () => ({
    ...at("MUTUAL"),
    ...tls,
    KAFKA_SSL_CERT_FILE: client.certificate,
    KAFKA_SSL_KEY_FILE: client.key,
    KAFKA_SSL_KEY_PASSWORD_FILE: await secretFile("key-password", PASSWORD),
  }),
  "SASL PLAIN": () => Promise.resolve({ ...at("SASL"), ...user("PLAIN") }),
  "SASL SCRAM-SHA-256": () => Promise.resolve({ ...at("SASL"), ...user("SCRAM-SHA-256") }),
  "SASL SCRAM-SHA-512 over TLS, user and password from files": async () => ({
    ...at("BOTH"),
    ...tls,
    KAFKA_SECURITY_PROTOCOL: "sasl_ssl",
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    KAFKA_SASL_USERNAME_FILE: await secretFile("user", "alice\n"),
    KAFKA_SASL_PASSWORD_FILE: await secretFile("password", `${PASSWORD}\n`),
  }),
  "SASL OAUTHBEARER with a token from a file": async () => ({
    ...at("SASL"),
    KAFKA_SECURITY_PROTOCOL: "sasl_plaintext",
    KAFKA_SASL_MECHANISM: "OAUTHBEARER",
    KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: await secretFile("token", unsecuredToken("alice")),
  }),
};

async function begin(t: Test, environment: Record<string, string>): Promise<{ route: Route; stock: Stock }> {
  const stock = createStock();
  const route = await createRoute(t, kafka, { environment });
  await (await openFeed(stock, { spool: route.spool, name: "feed" })).append(100);
  return { route, stock };
}

for (const [name, environment] of Object.entries(WAYS)) {
  await t.test(`events are delivered over ${name}`, needsApache, async (t) => {
    const { route, stock } = await begin(t, await environment());
    const forwarder = await route.start();
    t.strictSame(await faultsOnArrival(route, stock), []);
    t.match(await route.drain(forwarder), { code: 0 });
  });
}

/** The forwarder says so, goes on trying, and nothing has arrived anywhere. */
async function assertWaits(t: Test, route: Route, forwarder: Program, reason: RegExp): Promise<void> {
  const isIt = ({ record }: { record: Readonly<Record<string, unknown>> }): boolean =>
    record["class"] === "configuration" && reason.test(String(record["reason"]));
  t.match((await forwarder.line(isIt)).record, { level: /warn|error/ });
  t.ok(forwarder.running && !forwarder.lines.some(isOpen), "it goes on trying");
  t.strictSame(await route.events(), []);
  t.strictSame(await route.deadLetters(), []);
}

await t.test("a wrong password delays delivery until the broker knows it", needsApache, async (t) => {
  const { route, stock } = await begin(t, {
    ...at("SASL"),
    ...user("SCRAM-SHA-256"),
    KAFKA_SASL_USERNAME: "late",
  });
  const forwarder = route.launch();
  await assertWaits(t, route, forwarder, /authentication/i);
  await setPassword(kafka.bootstrap, "late", "SCRAM-SHA-256", PASSWORD);
  await grantRights("late", route);
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
});

await t.test("missing rights delay delivery until they are granted", needsApache, async (t) => {
  const { route, stock } = await begin(t, {
    ...at("SASL"),
    ...user("SCRAM-SHA-512"),
    KAFKA_SASL_USERNAME: "clerk",
  });
  await setPassword(kafka.bootstrap, "clerk", "SCRAM-SHA-512", PASSWORD);
  const forwarder = route.launch();
  await assertWaits(t, route, forwarder, /authorization/i);
  await grantRights("clerk", route);
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
});

/** No more than a forwarder needs. */
async function grantRights(name: string, route: Route): Promise<void> {
  await grant(kafka.bootstrap, name, "create", "topic", route.topic);
  await grant(kafka.bootstrap, name, "write", "topic", route.topic);
  await grant(kafka.bootstrap, name, "read", "topic", route.cursorTopic);
  await grant(kafka.bootstrap, name, "write", "transactionalId", "event-collector-");
  await grant(kafka.bootstrap, name, "describe", "group", "event-collector-forwarder");
}

await t.test("a broker with a certificate of strangers is not talked to", needsApache, async (t) => {
  const { route, stock } = await begin(t, { ...at("TLS"), ...tls });
  const wary = route.launch({ KAFKA_SSL_CA_FILE: stranger.certificate });
  await assertWaits(t, route, wary, /ssl/i);
  await wary.stop("SIGKILL");
  const forwarder = await route.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
});
