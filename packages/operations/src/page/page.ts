/**
 * The status page: one answer of HTML with its style and its script, which asks for `status` beside it and nothing
 * else. All that can be in it is there from the first moment, so that nothing jumps when figures come.
 */
import { createHash } from "node:crypto";
import type { StatusReport } from "../report.js";
import { SCRIPT } from "./script.js";
import { STYLE } from "./style.js";

/** For the page alone: it runs and shows what stands in it, and talks to nobody but its own process. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": [
    "default-src 'none'",
    `style-src '${digestOf(STYLE)}'`,
    `script-src '${digestOf(SCRIPT)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

export function renderPage({
  role,
  service,
  version,
}: Pick<StatusReport, "role" | "service" | "version">): string {
  const isForwarder = role === "forwarder";
  const title = isForwarder ? "Forwarder" : "Ingress";
  return `<!doctype html>
<html lang="en" data-role="${role}" data-state="unknown">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<div class="page">
<header>
<h1>${escape(service)} <small>${title}</small></h1>
<p>${escape(version)} · <span id="uptime">–</span></p>
<p id="updated">asking …</p>
</header>
<main>
${VERDICT}
${isForwarder ? FORWARDER_TILES : INGRESS_TILES}
${isForwarder ? chart("Stored", "Delivered") : chart("Accepted", "Rejected")}
<div class="row">
${isForwarder ? FORWARDER_DISK + SEGMENTS + BOOKS : INGRESS_DISK + WRITER}
</div>
${isForwarder ? DEAD_LETTERS : REJECTIONS}
</main>
<footer>
<span>Also here:</span>
<a href="status">Status as JSON</a> <a href="metrics">Metrics</a> <a href="ready">Readiness</a> <a href="health">Health</a>
</footer>
</div>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const VERDICT = `<section class="card verdict" aria-labelledby="state">
<svg viewBox="0 0 40 40" aria-hidden="true"><circle cx="20" cy="20" r="17"/>
<path class="yes" d="M12.5 20.5l5 5 10-11"/><path class="look" d="M20 11v11M20 28v.2"/><path class="no" d="M14 14l12 12M26 14L14 26"/></svg>
<h2 id="state" aria-live="polite">Asking</h2>
<p id="lead" aria-live="polite"></p>
<ul id="problems" aria-label="What is wrong"></ul>
<noscript>This page needs its script. <a href="status">The same as JSON</a></noscript>
</section>`;

function tile(name: string, id: string, unit = "", key = ""): string {
  return `<section class="card" aria-label="${name}"><h2>${key}${name}</h2>
<p><span id="${id}">–</span>${unit}</p><p class="note" id="${id}-note"></p></section>`;
}

const PER_SECOND = ' <small><abbr title="per second">/s</abbr></small>';
const AREA_KEY = '<i class="key area" aria-hidden="true"></i>';
const LINE_KEY = '<i class="key" aria-hidden="true"></i>';

const FORWARDER_TILES = `<div class="tiles">
${tile("Stored", "rate-0", PER_SECOND, AREA_KEY)}
${tile("Delivered", "rate-1", PER_SECOND, LINE_KEY)}
${tile("Waiting", "backlog")}
${tile("Oldest age", "age")}
</div>`;

const INGRESS_TILES = `<div class="tiles">
${tile("Accepted", "rate-0", PER_SECOND, AREA_KEY)}
${tile("Rejected", "rate-1", PER_SECOND, LINE_KEY)}
${tile("Under way", "in-flight")}
${tile("Queue", "queue")}
</div>`;

function chart(first: string, second: string): string {
  return `<figure class="card">
<figcaption><h2>Events per second</h2><span>${AREA_KEY}${first}</span><span>${LINE_KEY}${second}</span></figcaption>
<div class="plot">
<span id="axis-end"></span><span id="axis-middle"></span><span>0</span>
<svg id="chart" role="img" aria-label="Events per second; no figures yet." viewBox="0 0 600 160" preserveAspectRatio="none">
<path class="grid" d="M0 0H600M0 80H600M0 160H600"/><path id="area"/><path id="line-0"/><path id="line-1"/></svg>
<p id="no-data"><span>The first figures come in a few seconds.</span></p>
</div>
<p class="time"><span>5 min ago</span><span>now</span></p>
</figure>`;
}

const DISK_HEAD = `<section class="card" aria-labelledby="disk-title"><h2 id="disk-title">Disk</h2>
<p class="figure"><span id="disk-used">–</span> <small id="disk-limit"></small></p>
<div class="bar" aria-hidden="true"><div id="bar-pending"></div><div id="bar-delivered"></div></div>`;

const FORWARDER_DISK = `${DISK_HEAD}
<dl>
<dt><i class="dot" aria-hidden="true"></i>Waiting</dt><dd id="disk-pending">–</dd>
<dt><i class="dot spent" aria-hidden="true"></i>Delivered, kept for now</dt><dd id="disk-delivered">–</dd>
<dt>Time to full</dt><dd id="disk-full">–</dd>
<dt>Free on the file system</dt><dd id="disk-free">–</dd>
</dl></section>`;

const SEGMENTS = `<section class="card" aria-labelledby="segments-title"><h2 id="segments-title">Segments</h2>
<p class="figure" id="segments-total">–</p>
<dl>
<dt>Not delivered</dt><dd id="segments-pending">–</dd>
<dt>Delivered</dt><dd id="segments-delivered">–</dd>
<dt>Overdue</dt><dd id="segments-overdue">–</dd>
</dl>
<p class="hint">Overdue: past the retention and not delivered. They are kept.</p></section>`;

const INGRESS_DISK = `${DISK_HEAD}
<dl>
<dt>Room left</dt><dd id="disk-room">–</dd>
<dt>Free on the file system</dt><dd id="disk-free">–</dd>
<dt>Segments</dt><dd id="segments-total">–</dd>
</dl>
<p class="hint">The forwarder deletes what it has delivered when room gets short. Its page says how long it lasts.</p></section>`;

const BOOKS = `<section class="card" id="books" aria-labelledby="books-title"><h2 id="books-title">Books</h2>
<p class="figure total" id="books-verdict">–</p>
<dl class="sum">
<dt data-sign="">Accepted</dt><dd id="books-accepted">–</dd>
<dt data-sign="−">Published</dt><dd id="books-published">–</dd>
<dt data-sign="−">Dead-lettered</dt><dd id="books-dead">–</dd>
<dt data-sign="−">Spooled</dt><dd id="books-spooled">–</dd>
<dt data-sign="=" class="total">Difference</dt><dd class="total" id="books-difference">–</dd>
</dl>
<p class="hint" id="books-note"></p></section>`;

const WRITER = `<section class="card" aria-labelledby="written-title"><h2 id="written-title">Since the start</h2>
<dl>
<dt>Events accepted</dt><dd id="written-accepted">–</dd>
<dt>Events rejected</dt><dd id="written-rejected">–</dd>
<dt>Mean time of a sync</dt><dd id="written-sync">–</dd>
<dt>Writes that failed</dt><dd id="written-failed">–</dd>
</dl>
<p class="hint">Rejected events are stored too, and go to the dead-letter topic.</p></section>`;

function reasons(title: string): string {
  return `<h2 id="reasons-title">${title}</h2>
<p class="hint" id="reasons-none">None since the start of this process.</p>
<ul id="reasons"></ul>`;
}

const DEAD_LETTERS = `<section class="card letters" aria-labelledby="reasons-title">${reasons("Dead letters")}
<div class="wide" id="letters-table" tabindex="0" role="region" aria-label="The last dead letters" hidden><table>
<caption>The last ones</caption>
<thead><tr><th scope="col">Time</th><th scope="col">Reason</th><th scope="col">Stage</th><th scope="col">Place in the spool</th></tr></thead>
<tbody id="letters"></tbody></table></div></section>`;

const REJECTIONS = `<section class="card letters" aria-labelledby="reasons-title">${reasons("Rejected, by reason")}</section>`;

function digestOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
