/** grpcio, the gRPC of Python: one event, a batch, a stream in both directions, and what is wrong with an event. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import t from "tap";
import { findPython } from "../python/python.js";
import { runCommand } from "../sh.js";
import { startLoneIngress } from "./lone-ingress.js";

// The first run installs grpcio.
t.setTimeout(840_000);

const PROTOS = fileURLToPath(new URL("../../../../proto", import.meta.url));
const found = await findPython();
const skip = !found.ok && found.reason;
const ingress = await startLoneIngress(t);

/** Prints a line of JSON for each call. The stream sends each event only when the one before it was answered. */
const PROGRAM = `
import json, queue, sys
import grpc
from event_collector.v1 import event_collector_pb2 as pb, event_collector_pb2_grpc as rpc

def event(event_id, learner="learner123"):
    made = pb.Event(learner_id=learner, course_id="course456", lesson_id="lesson789", event_type="lesson_completed",
                    timestamp="2024-01-15T10:30:00Z", event_id=event_id)
    made.event_data.update({"score": 95, "list": [1, None, "x"]})
    return made

def show(**members):
    print(json.dumps(members))

port, compression = sys.argv[1], getattr(grpc.Compression, sys.argv[2])
prefix = sys.argv[3]
with grpc.insecure_channel(f"127.0.0.1:{port}", compression=compression) as channel:
    stub = rpc.EventCollectorServiceStub(channel)
    show(call="one", event_id=stub.CollectEvent(event(f"{prefix}-0")).event_id)
    answer = stub.CollectEvents(pb.CollectEventsRequest(events=[event(f"{prefix}-1"), event(f"{prefix}-bad", "")]))
    show(call="many", accepted=answer.accepted, rejected=answer.rejected, codes=[e.code for e in answer.errors])
    try:
        stub.CollectEvent(event(f"{prefix}-bad", ""))
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        show(call="bad", code=error.code().name, reasoned=b"missing_field" in details and b"/learner_id" in details)
    sending = queue.SimpleQueue()
    answers = stub.StreamEvents(iter(sending.get, None))
    for number in range(2, 7):
        sending.put(event(f"{prefix}-{number}"))
        show(call="stream", accepted=next(answers).accepted)
    sending.put(None)
    show(call="end", rest=len(list(answers)))
`;

await t.test("Python's gRPC sends one event, a batch and a stream", { skip }, async (t) => {
  if (!found.ok) return;
  const { command, environment } = found.python;
  const directory = await mkdtemp(join(tmpdir(), "python-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const output = [`--proto_path=${PROTOS}`, `--python_out=${directory}`, `--grpc_python_out=${directory}`];
  const contract = "event_collector/v1/event_collector.proto";
  const made = await runCommand([command, "-m", "grpc_tools.protoc", ...output, contract], { environment });
  t.equal(made.code, 0, made.stderr);
  await writeFile(join(directory, "program.py"), PROGRAM);
  for (const compression of ["NoCompression", "Gzip", "Deflate"]) {
    const parameters = [join(directory, "program.py"), String(ingress.port), compression, compression];
    const { stdout, stderr } = await runCommand([command, ...parameters], { environment });
    if (compression === "Deflate") {
      // Of the compressions that gRPC knows, deflate is one that a service may do without, if it says so.
      t.match(stderr, "UNIMPLEMENTED");
      continue;
    }
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    t.match(
      lines,
      [
        { call: "one", event_id: `${compression}-0` },
        { call: "many", accepted: 1, rejected: 1, codes: ["missing_field"] },
        { call: "bad", code: "INVALID_ARGUMENT", reasoned: true },
        ...Array.from({ length: 5 }, () => ({ call: "stream", accepted: 1 })),
        { call: "end", rest: 0 },
      ],
      stderr,
    );
    const ids = Array.from({ length: 7 }, (_, number) => `${compression}-${number}`);
    t.strictSame((await ingress.accepted()).slice(-ids.length), ids, "and all are on the disk, in order");
  }
});
