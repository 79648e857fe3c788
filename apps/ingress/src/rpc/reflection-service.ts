/** Server reflection (v1, and v1alpha for older tools): the services and their files, for grpcurl and its like. */
import { toBinary } from "@bufbuild/protobuf";
import type { DescFile, DescService } from "@bufbuild/protobuf";
import { createRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import { grpcReflectionV1, grpcReflectionV1Alpha } from "@event-collector/contract";

type Question = grpcReflectionV1.ServerReflectionRequest["messageRequest"];

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

type Answerer = (
  question: Question | grpcReflectionV1Alpha.ServerReflectionRequest["messageRequest"],
) => Answer;

export function reflectionServices(services: readonly DescService[]): (router: ConnectRouter) => void {
  const v1 = grpcReflectionV1.ServerReflection;
  const v1alpha = grpcReflectionV1Alpha.ServerReflection;
  const answer = createAnswerer([...services, v1, v1alpha]);
  return (router) => {
    router.service(v1, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          const { host: validHost, messageRequest } = request;
          yield { validHost, originalRequest: request, messageResponse: answer(messageRequest) };
        }
      },
    });
    router.service(v1alpha, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          const { host: validHost, messageRequest } = request;
          yield { validHost, originalRequest: request, messageResponse: answer(messageRequest) };
        }
      },
    });
  };
}

function createAnswerer(services: readonly DescService[]): Answerer {
  const files = new Map<string, DescFile>();
  for (const { file } of services) addFile(files, file);
  const symbols = createRegistry(...files.values());
  const list = services.map(({ typeName: name }) => ({ name }));

  return (question) => {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: list } };
      case "fileByFilename":
        return fileAnswer(files.get(question.value));
      case "fileContainingSymbol":
        return fileAnswer(fileOfSymbol(question.value));
      case "allExtensionNumbersOfType":
        // Nothing here has extensions.
        return {
          case: "allExtensionNumbersResponse",
          value: { baseTypeName: question.value, extensionNumber: [] },
        };
      case "fileContainingExtension":
      case undefined:
        return notFound();
    }
  };

  /** A symbol is a type, a service, or a member of one. */
  function fileOfSymbol(symbol: string): DescFile | undefined {
    const name = symbol.startsWith(".") ? symbol.slice(1) : symbol;
    const owner = symbols.get(name) ?? symbols.get(name.slice(0, Math.max(0, name.lastIndexOf("."))));
    return owner?.file;
  }
}

function addFile(files: Map<string, DescFile>, file: DescFile): void {
  // A descriptor knows its file without the ending.
  const name = `${file.name}.proto`;
  if (files.has(name)) return;
  files.set(name, file);
  for (const dependency of file.dependencies) addFile(files, dependency);
}

/** The file and all that it needs, so that a client has no second question. */
function fileAnswer(file: DescFile | undefined): Answer {
  if (file === undefined) return notFound();
  const needed = new Map<string, DescFile>();
  addFile(needed, file);
  const fileDescriptorProto = [...needed.values()].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(): Answer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: "not found" } };
}
