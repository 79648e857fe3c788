/** Which generator is used: wrk and h2load where they are installed, ours where they are not. */
import { isInstalled } from "../pinned.js";
import { h2load } from "./h2load.js";
import { own } from "./own.js";
import type { Generator, Shot } from "./volley.js";
import { wrk } from "./wrk.js";

export interface Generators {
  readonly http1: Generator;
  readonly http2: Generator;
}

export async function chooseGenerators(): Promise<Generators> {
  return {
    http1: (await isInstalled("wrk")) ? wrk : own,
    http2: (await isInstalled("h2load")) ? h2load : own,
  };
}

export function generatorFor(generators: Generators, { protocol }: Pick<Shot, "protocol">): Generator {
  return generators[protocol];
}
