/** Loaded into each child before its entry point: when the launcher is gone, the child is asked to stop. */

process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
// Waiting for that must not keep a process alive that is done.
process.channel?.unref();
