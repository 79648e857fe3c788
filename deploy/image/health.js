/**
 * Asks the process of this container whether it lives: `node health.js <ingress|forwarder>`, for images that hold no
 * HTTP client. It reads the variables that the process reads; exit code 0 is yes.
 */
import http from "node:http";
import https from "node:https";

const TIMEOUT_MS = 4_000;

const { host, port, isTls } = process.argv[2] === "forwarder" ? forwarder() : ingress();
const request = (isTls ? https : http).get(
  {
    host: host === undefined || host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host,
    port,
    path: "/health",
    timeout: TIMEOUT_MS,
    // It asks its own process, by an address that no certificate names.
    rejectUnauthorized: false,
  },
  (response) => {
    response.resume();
    response.on("end", () => process.exit(response.statusCode === 200 ? 0 : 1));
  },
);
request.on("timeout", () => request.destroy(new Error("no answer in time")));
request.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

function forwarder() {
  return { host: set("FORWARDER_HOST"), port: set("FORWARDER_PORT") ?? 8001, isTls: false };
}

/** The admin port, if there is one, asks for no certificate. */
function ingress() {
  const host = set("HTTP_HOST");
  const adminPort = set("ADMIN_PORT");
  if (adminPort !== undefined) return { host: set("ADMIN_HOST") ?? host, port: adminPort, isTls: false };
  return { host, port: set("HTTP_PORT") ?? 8000, isTls: set("TLS_CERT_FILE") !== undefined };
}

/**
 * The value of a variable; an empty one counts as absent.
 *
 * @param {string} name
 */
function set(name) {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
