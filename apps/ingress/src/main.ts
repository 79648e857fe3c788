/** The entry of the process. How its heap grows is settled before anything is loaded into it. */
import { growUnderLoad, holdYoungGeneration } from "./heap.js";

holdYoungGeneration();
const { run } = await import("./process.js");
growUnderLoad();
run(process.env, process.argv.slice(2));
