/** The gates in front of the doors: who may go where. */
import { EventCollectorService, grpcHealth } from "@event-collector/contract";
import type { ApiKey, Scope } from "@event-collector/keys";
import { traceIdOf } from "@event-collector/operations";
import type { Authenticator } from "./auth.js";
import { createAuthenticator } from "./auth.js";
import type { Core } from "./core.js";
import { createAdminRest, createPublicRest, createRpc, limitsOf } from "./doors.js";
import { bodyBytesMax } from "./http/collect.js";
import { DESCRIPTION_PATHS } from "./openapi/routes.js";
import { createRequestSpans } from "./request-spans.js";
import type { ServiceRefusal } from "./refusal.js";
import { createAdmission } from "./server/admission.js";
import type { BodyBudget } from "./server/body-budget.js";
import { createClientAddresses } from "./server/client-address.js";
import { createCors } from "./server/cors.js";
import type { Exchange } from "./server/exchange.js";
import type { Exchanges } from "./server/exchanges.js";
import { createGate } from "./server/gate.js";
import type { Door, Gate } from "./server/gate.js";
import { createRates } from "./server/rates.js";
import type { RatesConfig } from "./settings.js";

const COLLECTOR = `/${EventCollectorService.typeName}`;
const HEALTH = `/${grpcHealth.Health.typeName}`;

/** Paths of probes: they have no key, the answers tell nobody anything, and cost next to nothing. */
const PROBE_PATHS: ReadonlySet<string> = new Set([
  "/health",
  "/ready",
  `${COLLECTOR}/HealthCheck`,
  `${COLLECTOR}/ReadinessCheck`,
  `${HEALTH}/Check`,
  `${HEALTH}/List`,
]);

/** Paths that need no key, but count: a watch stays open as long as its caller likes. */
const OPEN_PATHS: ReadonlySet<string> = new Set([...PROBE_PATHS, ...DESCRIPTION_PATHS, `${HEALTH}/Watch`]);

const SCOPES: ReadonlyMap<string, Scope> = new Map([
  ["/collect", "collect"],
  [`${COLLECTOR}/CollectEvent`, "collect"],
  [`${COLLECTOR}/CollectEvents`, "collect"],
  [`${COLLECTOR}/StreamEvents`, "collect"],
  ["/", "stats"],
  ["/status", "stats"],
  ["/metrics", "stats"],
  ["/buffer/stats", "stats"],
]);

/** What brings events. */
const COLLECTING: ReadonlySet<string> = new Set(
  [...SCOPES].filter(([, scope]) => scope === "collect").map(([path]) => path),
);

export interface EntranceParts {
  readonly authenticate: Authenticator;
  readonly exchanges: Exchanges;
  readonly budget: BodyBudget;
}

export function createPublicGate(core: Core, parts: EntranceParts): Gate {
  const { config } = core;
  const sizes = { bytesMax: config.batchBytesMax, ndjson: config.ndjson };
  return assemble(core, parts, {
    rest: createPublicRest(core),
    rpc: createRpc(core),
    corsOrigins: config.corsOrigins,
    rates: config.rates,
    requestsMax: config.limits.requestsMax,
    bodyBytesMax: (path, contentType) =>
      path === "/collect" ? bodyBytesMax(contentType, sizes) : sizes.bytesMax,
  });
}

/** Everybody who reaches the admin port may use it. */
export function createAdminGate(core: Core, parts: Omit<EntranceParts, "authenticate">): Gate {
  const authenticate = createAuthenticator(undefined, core.clock);
  return assemble(
    core,
    { ...parts, authenticate },
    {
      rest: createAdminRest(core),
      rpc: { routes: new Map(), servesPlain: () => false, enter: () => undefined },
      corsOrigins: [],
      rates: { key: undefined, address: undefined, addressesMax: 1 },
      // Its connections are bounded, and operators must see above all when the public port is crowded.
      requestsMax: Infinity,
      bodyBytesMax: () => 0,
    },
  );
}

interface Assembly {
  readonly rest: Door;
  readonly rpc: Door;
  readonly corsOrigins: readonly string[];
  readonly rates: RatesConfig;
  readonly requestsMax: number;
  readonly bodyBytesMax: (path: string, contentType: string | undefined) => number;
}

function assemble(core: Core, { authenticate, exchanges, budget }: EntranceParts, assembly: Assembly): Gate {
  const { config, clock, lifecycle } = core;
  const cors = createCors(assembly.corsOrigins);
  const rates = createRates(clock, assembly.rates, core.rateExchange);
  const addresses = createClientAddresses(config.trustedProxies);
  const admit = createAdmission(
    { authenticate, cors, rates, addresses, underWay: () => exchanges.count(), clock },
    {
      openPaths: OPEN_PATHS,
      probePaths: PROBE_PATHS,
      scopes: SCOPES,
      requestsMax: assembly.requestsMax,
      bodyBytesMax: assembly.bodyBytesMax,
    },
    createMisuseLog(core),
  );
  const { rest, rpc } = assembly;
  const spans = core.tracer && createRequestSpans(core.tracer, COLLECTING);
  const log = createExchangeLog(core);
  const begun = (exchange: Exchange): void => spans?.begin(exchange);
  const ended = (exchange: Exchange, code: string, seconds: number): void => {
    log(exchange, code, seconds);
    spans?.end(exchange, code);
  };
  return createGate(
    { rest, rpc, admit, authenticate, cors, rates, budget, exchanges, lifecycle, clock, begun, ended },
    { scopes: SCOPES, limits: limitsOf(core) },
  );
}

function createExchangeLog({
  logger,
  metrics,
}: Core): (exchange: Exchange, code: string, seconds: number) => void {
  const isVerbose = logger.isLevelEnabled("debug");
  return (exchange, code, seconds) => {
    metrics.exchange(exchange, code, seconds);
    if (!isVerbose) return;
    const { id: requestId, protocol, route, key } = exchange;
    const traceId = traceIdOf(exchange.trace);
    logger.debug({ requestId, traceId, protocol, route, key: key?.name, code, seconds }, "request");
  };
}

/** A key that is refused is the operator's affair too: it may have leaked, or be due. Said by its name. */
function createMisuseLog({ logger }: Core): (key: ApiKey, refusal: ServiceRefusal) => void {
  return (key, refusal) =>
    logger.warn(
      { key: key.name, reason: refusal.message },
      "key refused; if its owner knows nothing of it, replace it",
    );
}
