/**
 * May this request come in? Judged by its head alone, before anything of its body is read: origin, rate of its
 * address, key, scope, rate of its key, how much is under way, announced size.
 *
 * **Invariant:** the paths open to everybody are listed exactly; any other spelling of them needs the key.
 * **Invariant:** guesses at keys count against the address, since its rate is judged first.
 */
import type { ApiKey, Scope } from "@event-collector/keys";
import type { Clock } from "@event-collector/spool";
import type { Authenticator } from "../auth.js";
import type { ServiceRefusal } from "../refusal.js";
import type { ClientAddresses } from "./client-address.js";
import type { Cors } from "./cors.js";
import { authorityOf } from "./incoming.js";
import type { Incoming } from "./incoming.js";
import { rateRefusal } from "./rates.js";
import type { Meter, Rates, Reading } from "./rates.js";

export interface AdmissionParts {
  readonly authenticate: Authenticator;
  readonly cors: Cors;
  readonly rates: Rates;
  readonly addresses: ClientAddresses;
  /** Requests and streams under way, this one included. */
  readonly underWay: () => number;
  readonly clock: Clock;
}

export interface AdmissionOptions {
  /** Paths that need no key. */
  readonly openPaths: ReadonlySet<string>;
  /** Open paths that are answered at once, also when all else is refused for being too much. */
  readonly probePaths: ReadonlySet<string>;
  /** Paths that need a scope, beside a key at all. */
  readonly scopes: ReadonlyMap<string, Scope>;
  readonly requestsMax: number;
  /** Bytes that a request may announce. */
  readonly bodyBytesMax: (path: string, contentType: string | undefined) => number;
}

export interface Admission {
  readonly refusal: ServiceRefusal | undefined;
  readonly key: ApiKey | undefined;
  /** Where the sender stands with its rates, for the headers of the answer. */
  readonly readings: readonly Reading[];
}

/** Hears of keys that were used in a way that they should not be. */
export type KeyObserver = (key: ApiKey, refusal: ServiceRefusal) => void;

export type Admit = (incoming: Incoming, path: string) => Admission;

export function createAdmission(
  parts: AdmissionParts,
  options: AdmissionOptions,
  misused: KeyObserver,
): Admit {
  const { authenticate, cors, rates, addresses } = parts;

  return (incoming, path) => {
    if (!cors.allows(incoming.headers.origin, authorityOf(incoming))) {
      return admission(NO_READINGS, {
        code: "origin_forbidden",
        message: "pages of this origin may not use the service",
      });
    }
    const readings: Reading[] = [];
    if (!options.probePaths.has(path)) {
      const refusal = countAddress(incoming, readings) ?? refuseCrowd();
      if (refusal !== undefined) return admission(readings, refusal);
    }
    let key: ApiKey | undefined;
    if (!options.openPaths.has(path)) {
      const verdict = authenticate.judge(incoming, options.scopes.get(path));
      if (!verdict.allowed) {
        if (verdict.key !== undefined) misused(verdict.key, verdict.refusal);
        return admission(readings, verdict.refusal);
      }
      ({ key } = verdict);
    }
    const refusal = (key && count(rates.ofKey(key), readings)) ?? refuseSize(incoming, path);
    return admission(readings, refusal, key);
  };

  function countAddress(incoming: Incoming, readings: Reading[]): ServiceRefusal | undefined {
    if (!rates.limitsAddresses) return undefined;
    return count(rates.ofAddress(addresses.senderOf(incoming)), readings);
  }

  /** Counts the request; returns a refusal if it is one too many. */
  function count(meter: Meter | undefined, readings: Reading[]): ServiceRefusal | undefined {
    if (meter === undefined) return undefined;
    const reading = rates.take(meter);
    readings.push(reading);
    return reading.verdict.allowed ? undefined : rateRefusal(reading);
  }

  function refuseCrowd(): ServiceRefusal | undefined {
    const { requestsMax } = options;
    if (parts.underWay() <= requestsMax) return undefined;
    return {
      code: "overloaded",
      message: `${requestsMax} requests are under way, which is the limit`,
      limit: { limit: requestsMax, unit: "requests" },
    };
  }

  function refuseSize({ headers }: Incoming, path: string): ServiceRefusal | undefined {
    const limit = options.bodyBytesMax(path, headers["content-type"]);
    if (!(Number(headers["content-length"]) > limit)) return undefined;
    return {
      code: "body_too_large",
      message: `the body must have at most ${limit} bytes`,
      limit: { limit, unit: "bytes" },
    };
  }
}

const NO_READINGS: readonly Reading[] = [];

function admission(readings: readonly Reading[], refusal?: ServiceRefusal, key?: ApiKey): Admission {
  return { refusal, key, readings };
}
