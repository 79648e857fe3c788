/** What `npm start` runs: the environment in, the exit code out. */
import { ConfigError, readConfig, type StandaloneConfig } from "./config.js";
import { createScreen } from "./screen.js";
import { runStandalone } from "./standalone.js";

const screen = createScreen(process.stdout);

process.exitCode = await main();

async function main(): Promise<number> {
  const config = configOrExplain();
  if (config === undefined) return 2;
  try {
    return await runStandalone(config, process.env, screen, requestsToStop());
  } finally {
    screen.close();
  }
}

function configOrExplain(): StandaloneConfig | undefined {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    screen.print(`The configuration is not usable: ${error.message}`);
    return undefined;
  }
}

/** Ends with the first signal that asks to stop. A second one does not wait for anything any more. */
function requestsToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(1));
      });
    }
  });
}
