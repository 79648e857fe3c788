import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { grpcHealth } from "@event-collector/contract";
import { nodeDisk } from "@event-collector/spool";
import t from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { grpcTransport } from "../testing/rpc-clients.js";

const { Health, HealthCheckResponse_ServingStatus: Status } = grpcHealth;

await t.test("Check knows the server as a whole and its services", async (t) => {
  const { url } = await liveIngress(t);
  const client = createClient(Health, grpcTransport(t, url));
  for (const service of ["", "event_collector.v1.EventCollectorService", "grpc.health.v1.Health"]) {
    t.match(await client.check({ service }), { status: Status.SERVING }, service);
  }
  await t.rejects(client.check({ service: "nobody.v1.Service" }), { code: Code.NotFound });
  t.match(await client.list({}), { statuses: { "": { status: Status.SERVING } } });
});

await t.test("Watch tells the status at once, and of the end", async (t) => {
  const { url, ingress } = await liveIngress(t, { SHUTDOWN_DELAY_SECONDS: "1" });
  const client = createClient(Health, grpcTransport(t, url));
  const told: number[] = [];
  try {
    for await (const { status } of client.watch({})) {
      told.push(status);
      if (told.length === 1) void ingress.drain();
    }
    t.fail("it did not fail");
  } catch (error) {
    t.match(error, { code: Code.Unavailable });
    t.type(error, ConnectError);
  }
  t.same(told, [Status.SERVING, Status.NOT_SERVING]);
});

await t.test("Watch and Check follow the readiness: a disk that fills up, and has room again", async (t) => {
  let isFull = false;
  const space = async (directory: string): ReturnType<typeof nodeDisk.space> => {
    const measured = await nodeDisk.space(directory);
    return isFull ? { ...measured, freeBytes: 0 } : measured;
  };
  const environment = { BUFFER_MIN_FREE_BYTES: "4096", BUFFER_CHECK_INTERVAL_MS: "10" };
  const { url } = await liveIngress(t, environment, { ...nodeDisk, space });
  const client = createClient(Health, grpcTransport(t, url));
  const told: number[] = [];
  for await (const { status } of client.watch({})) {
    told.push(status);
    t.match(await client.check({}), { status }, "Check says the same");
    t.equal(
      (await fetch(`${url}/ready`)).status,
      status === Status.SERVING ? 200 : 503,
      "and so does /ready",
    );
    if (told.length === 3) break;
    isFull = !isFull;
  }
  t.same(told, [Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
});

await t.test("Watch of an unknown service says so and stays", async (t) => {
  const { url } = await liveIngress(t);
  const client = createClient(Health, grpcTransport(t, url));
  for await (const { status } of client.watch({ service: "nobody.v1.Service" })) {
    t.equal(status, Status.SERVICE_UNKNOWN);
    break;
  }
});
