#!/usr/bin/env node
/** What `npx collector` runs. It stands here because links to commands are made before anything is built. */
import "../dist/main.js";
