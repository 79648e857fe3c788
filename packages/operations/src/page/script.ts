/** What the browser runs: the page's functions, as their own source, and the call that starts them. */
import { areaPath, axisEnd, linePath, runsOf } from "./chart.js";
import { formatBytes, formatCount, formatDuration, formatRate, formatShort } from "./format.js";
import { poll, receive, start } from "./poll.js";
import {
  element,
  fill,
  make,
  put,
  show,
  showBooks,
  showChart,
  showDeadLetters,
  showDisk,
  showLag,
  showReasons,
  showState,
  showWriter,
  tell,
} from "./view.js";

/** Between two questions. Often enough to look alive, seldom enough to cost nothing. */
const POLL_MS = 2_000;

const FUNCTIONS: readonly ((...parameters: never[]) => unknown)[] = [
  formatCount,
  formatShort,
  formatRate,
  formatBytes,
  formatDuration,
  axisEnd,
  runsOf,
  linePath,
  areaPath,
  element,
  put,
  tell,
  make,
  fill,
  showState,
  showChart,
  showLag,
  showDisk,
  showBooks,
  showReasons,
  showDeadLetters,
  showWriter,
  show,
  receive,
  poll,
  start,
];

export const SCRIPT: string = `"use strict";\n${FUNCTIONS.map(String).join("\n")}\nstart(${POLL_MS});`;
