/** What is made of the commands of a document. */
import t from "tap";
import { commandsOf, treatmentOf, type Treatment } from "./commands.js";

await t.test("a command goes on where a line, a pipe or a quote does", async (t) => {
  const code = "npm start  # starts\n\n# says more\na \\\n  b |\n  c '{\n}' d\ne";
  t.strictSame(commandsOf(code), ["npm start  # starts", "a \\\n  b |\n  c '{\n}' d", "e"]);
});

const CASES: readonly [string, Treatment][] = [
  ["gzip --stdout a |\n curl http://localhost:8000/collect", { kind: "run" }],
  ["npm start   # installs", { kind: "script", script: "start" }],
  ["npm run --silent keys -- --name web", { kind: "script", script: "keys" }],
  ["KAFKA_BOOTSTRAP_SERVERS=a:9092 npm start", { kind: "script", script: "start" }],
  ["npx collector books --help", { kind: "usage", subcommand: "books" }],
  ["docker compose -f deploy/compose.yaml up", { kind: "files", paths: ["deploy/compose.yaml"] }],
  ["node apps/ingress/dist/main.js", { kind: "files", paths: ["apps/ingress/src/main.ts"] }],
  ["rm -rf /", { kind: "unknown" }],
];

for (const [command, treatment] of CASES) {
  await t.test(`${command.split("\n")[0] ?? ""} is treated as ${treatment.kind}`, async (t) => {
    t.strictSame(treatmentOf(command), treatment);
  });
}
