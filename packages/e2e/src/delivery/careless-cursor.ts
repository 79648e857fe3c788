/**
 * Loaded into a forwarder, this makes the mistake that transactions are there to prevent: its cursor goes out by
 * itself, before the window that it speaks of is committed; and in between the process dies.
 *
 * With it the audit shows that it would see such a mistake.
 */
import rdkafka from "node-rdkafka";
import { quiet, request } from "../kafka/client.js";

/** Taking the spool over is the first; windows come after it. */
const LAST_COMMIT = 4;
const TIMEOUT_MS = 30_000;

type Done = (error: rdkafka.LibrdKafkaError) => void;

const cursorTopic = `${process.env["KAFKA_TOPIC"] ?? ""}.cursors`;
const aside = new rdkafka.Producer(
  { "bootstrap.servers": process.env["KAFKA_BOOTSTRAP_SERVERS"] ?? "", ...quiet },
  {},
);
await request((done) => aside.connect({ timeout: TIMEOUT_MS }, done));

class CarelessProducer extends rdkafka.Producer {
  #commits = 0;

  override produce(...message: Parameters<rdkafka.Producer["produce"]>): boolean {
    const [topic] = message;
    return (topic === cursorTopic ? aside.produce(...message) : super.produce(...message)) === true;
  }

  override commitTransaction(...call: [number, Done] | [Done]): void {
    this.#commits += 1;
    const [first, second] = call;
    if (this.#commits === LAST_COMMIT) aside.flush(TIMEOUT_MS, () => process.kill(process.pid, "SIGKILL"));
    else if (second === undefined) super.commitTransaction(first as Done);
    else super.commitTransaction(first as number, second);
  }
}

Object.assign(rdkafka, { Producer: CarelessProducer });
