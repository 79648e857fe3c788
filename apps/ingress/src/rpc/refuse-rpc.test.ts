import { ConnectError } from "@connectrpc/connect";
import { endStreamFromJson, errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { ErrorInfoSchema, FAILURES, RetryInfoSchema } from "@event-collector/contract";
import type { FailureCode } from "@event-collector/contract";
import t from "tap";
import { problemOf } from "../http/problem.js";
import type { ServiceRefusal } from "../refusal.js";
import { connectCodeOf } from "./connect-error.js";
import { refuseRpc } from "./refuse-rpc.js";
import type { RawAnswer } from "./refuse-rpc.js";

const bytesOf = ({ body }: RawAnswer): Uint8Array => (typeof body === "string" ? Buffer.from(body) : body);

type Read = (answer: RawAnswer) => ConnectError | undefined;

const readBody: Read = (answer) =>
  errorFromJsonBytes(bytesOf(answer), undefined, new ConnectError("unreadable"));
const readEnd: Read = (answer) => endStreamFromJson(bytesOf(answer).subarray(5)).error;
const readTrailers: Read = (answer) => findTrailerError(new Headers(answer.headers));

/** The media types of each protocol, how a client reads the refusal, and whether its status is that of REST. */
const PROTOCOLS: [string, Read, boolean][] = [
  ["application/json", readBody, true],
  ["application/proto", readBody, true],
  ["application/connect+json", readEnd, false],
  ["application/connect+proto", readEnd, false],
  ["application/grpc", readTrailers, false],
  ["application/grpc+proto", readTrailers, false],
  ["application/grpc-web+proto", readTrailers, false],
  ["application/grpc-web-text", readTrailers, false],
];

for (const code of Object.keys(FAILURES) as FailureCode[]) {
  await t.test(`${code} is the same refusal over REST and every RPC protocol`, async (t) => {
    const refusal: ServiceRefusal = { code, message: "why it was this time" };
    const rest = problemOf(refusal, "", {});
    const problem = JSON.parse(rest.body) as { code: string; title: string; detail: string };
    const retryAfter = rest.headers["retry-after"];
    for (const [type, read, hasStatus] of PROTOCOLS) {
      const answer = refuseRpc(refusal, type);
      t.equal(answer.status, hasStatus ? rest.status : 200, type);
      const error = read(answer);
      t.equal(error?.code, connectCodeOf(code), type);
      t.equal(error?.rawMessage, `${problem.title}: ${problem.detail}`, type);
      t.equal(error?.findDetails(ErrorInfoSchema)[0]?.reason, problem.code, type);
      const [retry] = error?.findDetails(RetryInfoSchema) ?? [];
      const seconds = retry?.retryDelay?.seconds;
      t.equal(seconds === undefined ? undefined : String(seconds), retryAfter, type);
    }
  });
}
