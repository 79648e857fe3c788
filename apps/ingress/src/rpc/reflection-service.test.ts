import { createFileRegistry, create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { grpcReflectionV1, grpcReflectionV1Alpha } from "@event-collector/contract";
import t from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { grpcTransport } from "../testing/rpc-clients.js";

type Question = grpcReflectionV1.ServerReflectionRequest["messageRequest"];
type Answer = grpcReflectionV1.ServerReflectionResponse["messageResponse"];

const VERSIONS = [grpcReflectionV1.ServerReflection, grpcReflectionV1Alpha.ServerReflection] as const;
const SERVICE = "event_collector.v1.EventCollectorService";

for (const version of VERSIONS) {
  await t.test(`${version.typeName}`, async (t) => {
    const { url } = await liveIngress(t);
    const client = createClient(version as typeof grpcReflectionV1.ServerReflection, grpcTransport(t, url));

    async function ask(question: Question): Promise<Answer> {
      async function* one(): AsyncGenerator<{ messageRequest: Question }> {
        yield { messageRequest: question };
      }
      for await (const { messageResponse } of client.serverReflectionInfo(one())) return messageResponse;
      throw new Error("no answer");
    }

    await t.test("lists the services", async (t) => {
      t.match(await ask({ case: "listServices", value: "" }), {
        case: "listServicesResponse",
        value: {
          service: [
            { name: SERVICE },
            { name: "grpc.health.v1.Health" },
            { name: "grpc.reflection.v1.ServerReflection" },
            { name: "grpc.reflection.v1alpha.ServerReflection" },
          ],
        },
      });
    });

    await t.test("gives the file of a symbol with all that it needs", async (t) => {
      for (const symbol of [
        SERVICE,
        `${SERVICE}.CollectEvent`,
        "event_collector.v1.Event",
        ".event_collector.v1.Event",
      ]) {
        const answer = await ask({ case: "fileContainingSymbol", value: symbol });
        if (answer.case !== "fileDescriptorResponse") throw new Error(`${symbol}: ${String(answer.case)}`);
        const file = answer.value.fileDescriptorProto.map((bytes) =>
          fromBinary(FileDescriptorProtoSchema, bytes),
        );
        const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
        t.ok(registry.getService(SERVICE)?.method["streamEvents"], symbol);
      }
    });

    await t.test("gives a file by its name", async (t) => {
      const value = "event_collector/v1/event_collector.proto";
      t.match(await ask({ case: "fileByFilename", value }), { case: "fileDescriptorResponse" });
    });

    await t.test("says that it does not know", async (t) => {
      const unknown = { case: "errorResponse", value: { errorCode: Code.NotFound } };
      t.match(await ask({ case: "fileByFilename", value: "nothing.proto" }), unknown);
      t.match(await ask({ case: "fileContainingSymbol", value: "nothing" }), unknown);
      t.match(
        await ask({
          case: "fileContainingExtension",
          value: {
            $typeName: "grpc.reflection.v1.ExtensionRequest",
            containingType: "x",
            extensionNumber: 1,
          },
        }),
        unknown,
      );
    });
  });
}

await t.test("can be switched off, both of them", async (t) => {
  const { url } = await liveIngress(t, { GRPC_REFLECTION: "false" });
  for (const version of VERSIONS) {
    const client = createClient(version as typeof grpcReflectionV1.ServerReflection, grpcTransport(t, url));
    async function* none(): AsyncGenerator<never> {}
    await t.rejects(
      async () => {
        for await (const _ of client.serverReflectionInfo(none()));
      },
      { code: Code.Unimplemented },
      version.typeName,
    );
  }
});
