/**
 * Examples of documents, to be run as they stand: the fenced blocks of a Markdown file, and the examples of the
 * service that came before this one, whose clients must go on working.
 */

export interface Example {
  language: string;
  /** The headings above it, outermost first. */
  headings: readonly string[];
  code: string;
}

/** The fenced blocks of a Markdown text, in order. */
export function examplesOf(markdown: string): Example[] {
  const examples: Example[] = [];
  const headings: string[] = [];
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split("\n")) {
    const fence = /^```(\w*)/.exec(line);
    if (open !== undefined) {
      if (fence === null) open.lines.push(line);
      else {
        examples.push({ language: open.language, headings: [...headings], code: open.lines.join("\n") });
        open = undefined;
      }
    } else if (fence !== null) open = { language: fence[1] ?? "", lines: [] };
    else {
      const heading = /^(#+) (.*)/.exec(line);
      if (heading?.[1] === undefined || heading[2] === undefined) continue;
      headings.splice(heading[1].length - 1);
      headings.push(heading[2]);
    }
  }
  return examples;
}

/** Its commands, one after the other. The backslashes at the ends of lines stood doubled in its Markdown. */
export const EARLIER_CURL_EXAMPLES: string = `# Send events
curl -X POST http://localhost:8000/collect \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer your-api-key" \\
  -d '{
    "events": [{
      "learner_id": "learner123",
      "course_id": "course456",
      "lesson_id": "lesson789",
      "event_type": "lesson_started",
      "event_data": {"duration": 300},
      "timestamp": "2024-01-15T10:30:00Z"
    }]
  }'

# Check health
curl http://localhost:8000/health

# Check readiness  
curl http://localhost:8000/ready

# Get metrics
curl http://localhost:8000/metrics
`;

/** Its HTTP client. */
export const EARLIER_PYTHON_HTTP_EXAMPLE: string = `import httpx
import asyncio

async def send_events():
    async with httpx.AsyncClient() as client:
        events = [{
            "learner_id": "learner123",
            "course_id": "course456", 
            "lesson_id": "lesson789",
            "event_type": "lesson_completed",
            "event_data": {"score": 95},
            "timestamp": "2024-01-15T10:30:00Z"
        }]
        
        response = await client.post(
            "http://localhost:8000/collect",
            json={"events": events},
            headers={"Authorization": "Bearer your-api-key"}
        )
        print(response.json())

asyncio.run(send_events())
`;

/** Its gRPC client. Only the line of the import has changed with the package of the contract. */
export const EARLIER_PYTHON_GRPC_EXAMPLE: string = `import asyncio
import grpc
from event_collector.v1 import event_collector_pb2, event_collector_pb2_grpc

async def send_events_grpc():
    async with grpc.aio.insecure_channel('localhost:50051') as channel:
        stub = event_collector_pb2_grpc.EventCollectorServiceStub(channel)
        
        event = event_collector_pb2.Event(
            learner_id="learner123",
            course_id="course456",
            lesson_id="lesson789", 
            event_type="lesson_completed",
            event_data={"score": "95"},
            timestamp="2024-01-15T10:30:00Z"
        )
        
        response = await stub.CollectEvent(event)
        print(f"Success: {response.success}")

asyncio.run(send_events_grpc())
`;
