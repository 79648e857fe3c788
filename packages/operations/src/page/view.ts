/**
 * Puts a report into the page.
 *
 * **Invariant:** as in `format.ts`: sent to the browser as their own source. **Invariant:** what a report says becomes
 * text, never markup.
 */
import type {
  Books,
  DeadLetters,
  DiskReport,
  LagReport,
  Problem,
  RateSeries,
  ReasonCount,
  StatusReport,
  WriterReport,
} from "../report.js";
import { areaPath, axisEnd, linePath } from "./chart.js";
import { formatBytes, formatCount, formatDuration, formatRate, formatShort } from "./format.js";

export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/** Changes a text only if it is another one, so that readers of screens are not told the same again. */
export function put(id: string, text: string): void {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

/** An element of this name with a text, or with children. */
export function make(name: string, ...children: readonly (string | Node)[]): HTMLElement {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

/** Gives an element these children, unless it has the same already. */
export function fill(id: string, children: readonly Node[]): void {
  const target = element(id);
  const next = make("div", ...children);
  if (target.innerHTML !== next.innerHTML) target.replaceChildren(...next.childNodes);
}

export function show(report: StatusReport): void {
  showState(report);
  showChart(report.rates);
  showDisk(report.disk);
  if (report.lag !== undefined) showLag(report.lag);
  if (report.books !== undefined) showBooks(report.books);
  if (report.dead_letters !== undefined) showDeadLetters(report.dead_letters);
  if (report.writer !== undefined) showWriter(report.writer);
  if (report.rejections !== undefined) showReasons("reasons", report.rejections);
}

export function tell(lead: string, problems: readonly Problem[]): void {
  put("lead", lead);
  fill(
    "problems",
    problems.map(({ what, remedy }) => make("li", make("strong", what), " ", make("span", remedy))),
  );
}

export function showState({ state, role, problems, uptime_seconds: uptime }: StatusReport): void {
  const isForwarder = role === "forwarder";
  const names = { healthy: "Healthy", degraded: "Needs a look", failing: "Failing" };
  const leads = {
    healthy: isForwarder
      ? "What was accepted is delivered, or on its way."
      : "Events are accepted and on stable storage before the answer goes out.",
    degraded: isForwarder ? "Events are being delivered." : "Events are being accepted.",
    failing: isForwarder
      ? "Nothing is being delivered. What was accepted waits in the spool; nothing is lost."
      : "No events are accepted now. Senders are told to try again.",
  };
  document.documentElement.dataset["state"] = state;
  document.title = `${state === "healthy" ? "" : `${names[state]} · `}${isForwarder ? "Forwarder" : "Ingress"}`;
  put("state", names[state]);
  put("uptime", `up ${formatDuration(uptime)}`);
  tell(leads[state], problems);
}

export function showChart({ interval_seconds: interval, samples, series }: RateSeries): void {
  const known = series.flatMap(({ values }) => values).filter((value) => value !== null);
  const box = { samples, end: axisEnd(Math.max(0, ...known)), width: 600, height: 160 };
  const label = (value: number): string => (Number.isInteger(value) ? formatCount(value) : formatRate(value));
  put("axis-end", label(box.end));
  put("axis-middle", label(box.end / 2));
  element("no-data").hidden = known.length > 1;
  const spoken: string[] = [];
  series.forEach(({ label, values }, index) => {
    element(`line-${index}`).setAttribute("d", linePath(values, box));
    if (index === 0) element("area").setAttribute("d", areaPath(values, box));
    const last = values.at(-1) ?? null;
    const now = last === null ? "–" : formatRate(last);
    put(`rate-${index}`, now);
    const most = Math.max(0, ...values.filter((value) => value !== null));
    put(`rate-${index}-note`, last === null ? "" : `peak ${formatRate(most)}`);
    spoken.push(`${label}: ${now} now, ${formatRate(most)} at most`);
  });
  const minutes = Math.round((interval * samples) / 60);
  element("chart").setAttribute(
    "aria-label",
    `Events per second in the last ${minutes} minutes. ${spoken.join(". ")}.`,
  );
}

export function showLag({ records, bytes, oldest_age_seconds: age }: LagReport): void {
  put("backlog", records === null ? "–" : formatShort(records));
  put("backlog-note", formatBytes(bytes));
  put("age", formatDuration(age));
  put("age-note", age === 0 ? "nothing waits" : "oldest that waits");
}

export function showDisk(disk: DiskReport): void {
  const { spool_bytes: used, delivered_bytes: delivered, limit_bytes: limit, segments } = disk;
  const share = (bytes: number): number => Math.min(100, (bytes / limit) * 100);
  const pending = delivered === null ? used : used - delivered;
  element("bar-pending").style.width = `${share(pending).toFixed(2)}%`;
  element("bar-delivered").style.width = `${share(delivered ?? 0).toFixed(2)}%`;
  put("disk-used", formatBytes(used));
  put("disk-limit", `of ${formatBytes(limit)}`);
  put("disk-free", formatBytes(disk.free_bytes));
  put("segments-total", formatCount(segments.total));
  if (segments.pending === null || segments.overdue === null) {
    const room = Math.min(limit - used, disk.free_bytes - disk.free_bytes_min);
    put("disk-room", formatBytes(Math.max(0, room)));
    return;
  }
  const toFull = disk.seconds_to_full;
  put("disk-full", toFull === null ? "not filling" : toFull === 0 ? "now" : `in ${formatDuration(toFull)}`);
  element("disk-full").dataset["alarm"] = String(toFull !== null && toFull < 3_600);
  put("disk-pending", formatBytes(pending));
  put("disk-delivered", formatBytes(delivered ?? 0));
  put("segments-pending", formatCount(segments.pending));
  put("segments-delivered", formatCount(segments.total - segments.pending));
  put("segments-overdue", formatCount(segments.overdue));
  element("segments-overdue").dataset["alarm"] = String(segments.overdue > 0);
}

export function showBooks(books: Books | null): void {
  if (books === null) {
    put("books-note", "Known once the broker answers.");
    return;
  }
  put("books-accepted", formatCount(books.accepted));
  put("books-published", formatCount(books.published));
  put("books-dead", formatCount(books.dead_lettered));
  put("books-spooled", formatCount(books.spooled));
  put("books-difference", formatCount(books.difference));
  put("books-verdict", books.difference === 0 ? "Balanced" : `Off by ${formatCount(books.difference)}`);
  put("books-note", books.since === "spool" ? "Since this spool exists." : "Since this process started.");
  element("books").dataset["balance"] = books.difference === 0 ? "even" : "uneven";
}

export function showReasons(id: string, reasons: readonly ReasonCount[]): void {
  element(`${id}-none`).hidden = reasons.length > 0;
  const most = Math.max(1, ...reasons.map(({ count }) => count));
  fill(
    id,
    reasons.map(({ reason, count }) => {
      const bar = make("i");
      bar.dataset["share"] = String(Math.ceil((count / most) * 20));
      return make("li", make("code", reason), bar, make("b", formatCount(count)));
    }),
  );
}

export function showDeadLetters({ reasons, last }: DeadLetters): void {
  showReasons("reasons", reasons);
  element("letters-table").hidden = last.length === 0;
  fill(
    "letters",
    last.map(({ time, reason, stage, segment, offset }) => {
      const at = make("time", new Date(time).toLocaleTimeString("en-GB"));
      at.setAttribute("datetime", time);
      const place = make("td", `${segment.slice(0, 13)}…${segment.slice(-13, -7)} @ ${offset}`);
      place.title = `${segment} @ ${offset}`;
      return make("tr", make("td", at), make("td", make("code", reason)), make("td", stage), place);
    }),
  );
}

export function showWriter(writer: WriterReport): void {
  put("in-flight", formatCount(writer.requests_in_flight));
  const { connections } = writer;
  put("in-flight-note", `${formatCount(connections)} ${connections === 1 ? "connection" : "connections"}`);
  put("queue", formatBytes(writer.queue_bytes));
  put("queue-note", "waits for the disk");
  put("written-accepted", formatCount(writer.accepted));
  put("written-rejected", formatCount(writer.rejected));
  put("written-sync", writer.sync_seconds === null ? "–" : formatDuration(writer.sync_seconds));
  put("written-failed", formatCount(writer.failed_groups));
}
