/** grpc.health.v1.Health, which Kubernetes, load balancers and grpc clients ask. It says what `GET /ready` says. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { EventCollectorService, grpcHealth } from "@event-collector/contract";
import { setTimeout as wait } from "node:timers/promises";
import type { ReadinessCheck } from "../readiness.js";

const { Health, HealthCheckResponse_ServingStatus: Status } = grpcHealth;
type ServingStatus = grpcHealth.HealthCheckResponse_ServingStatus;

/** The empty name is the server as a whole. */
const SERVICES: ReadonlySet<string> = new Set(["", EventCollectorService.typeName, Health.typeName]);

/** How late a watcher hears of a change. The spool itself looks at the disk once a second. */
const WATCH_INTERVAL_MS = 500;

export function healthService(
  readiness: ReadinessCheck,
  leaving: AbortSignal,
): (router: ConnectRouter) => void {
  const status = (): ServingStatus => (readiness().ready ? Status.SERVING : Status.NOT_SERVING);
  const statusOf = (service: string): ServingStatus =>
    SERVICES.has(service) ? status() : Status.SERVICE_UNKNOWN;
  return (router) =>
    router.service(Health, {
      check: ({ service }) => {
        if (!SERVICES.has(service)) throw new ConnectError("the service is not known here", Code.NotFound);
        return { status: status() };
      },
      list: () => ({
        statuses: Object.fromEntries([...SERVICES].map((name) => [name, { status: status() }])),
      }),
      watch: ({ service }, context) => watch(() => statusOf(service), context, leaving),
    });
}

async function* watch(
  status: () => ServingStatus,
  context: HandlerContext,
  leaving: AbortSignal,
): AsyncGenerator<{ status: ServingStatus }> {
  const end = AbortSignal.any([context.signal, leaving]);
  let told: ServingStatus | undefined;
  while (!context.signal.aborted) {
    const now = status();
    if (now !== told) yield { status: now };
    told = now;
    if (leaving.aborted) throw new ConnectError("the service is shutting down", Code.Unavailable);
    await wait(WATCH_INTERVAL_MS, undefined, { signal: end }).catch(() => undefined);
  }
}
