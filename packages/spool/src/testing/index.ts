/** Fakes of the spool's ports, for the tests of whoever uses them. */
export { createFaultDisk, MEMORY_SPOOL } from "./fault-disk.js";
export type { DiskCall, DiskOperation, Fault, FaultDisk, ProcessDisk } from "./fault-disk.js";
export { createManualClock } from "./manual-clock.js";
export type { ManualClock } from "./manual-clock.js";
