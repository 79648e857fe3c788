/** What is printed when all is up: where everything listens, and a line to paste. */
import type { StandaloneConfig } from "./config.js";

/** Where the parts were found to listen. */
export interface Whereabouts {
  /** URLs by which this machine reaches them. */
  readonly ingress: string;
  readonly forwarder: string;
  readonly bootstrapServers: string;
}

const EVENT = {
  learner_id: "learner123",
  course_id: "course456",
  lesson_id: "lesson789",
  event_type: "lesson_started",
  event_data: { duration: 300 },
  timestamp: "2024-01-15T10:30:00Z",
};

const EMBEDDED = [
  "             Embedded: it forgets all when it stops, and what it was sent once is not sent to it again.",
  "             KAFKA_BOOTSTRAP_SERVERS names a real one.",
];

/** The lines of the welcome. */
export function renderWelcome(config: StandaloneConfig, whereabouts: Whereabouts): string[] {
  const { ingress, forwarder, bootstrapServers } = whereabouts;
  const isEmbedded = config.bootstrapServers === undefined;
  // The key itself must not stand in a terminal or a log.
  const key = config.apiKey === undefined ? "" : ` -H "Authorization: Bearer $API_KEY"`;
  return [
    "",
    `  Ingress    ${ingress}   REST, Connect, gRPC, gRPC-Web; /health /ready /metrics /buffer/stats`,
    `  Forwarder  ${forwarder}   a status page; /status /health /ready /metrics`,
    `  Broker     ${bootstrapServers}   topics ${config.topic}, ${config.deadLetterTopic}`,
    ...(isEmbedded ? EMBEDDED : []),
    `  Spool      ${config.bufferDirectory}`,
    "",
    "  Send an event:",
    "",
    `  curl -X POST ${ingress}/collect -H "Content-Type: application/json"${key} -d '${JSON.stringify({ events: [EVENT] })}'`,
    "",
  ];
}

/** The URL of what listens there. All addresses of the machine are reached by its name for itself. */
export function urlOf(host: string, port: unknown): string {
  if (host === "0.0.0.0" || host === "::") return `http://localhost:${String(port)}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
}
