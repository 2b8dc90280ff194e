/** jax-js (wasm) as a peer: training only. */
import { startJaxJs } from "./jaxjs-start.js";
import { createTraining } from "./jaxjs-training.js";
import { answer, batchAt, createClock, readData, readTask } from "./task.js";

const task = readTask();
const clock = createClock(task);
const data = readData(task);
const { jax, version } = await startJaxJs(task.threads);
const { parameters, trainStep } = createTraining(jax, task);

for (let step = 0; !clock.isDone(); step++) clock.tick(await trainStep(step, batchAt(step, data, task)));
answer({ ...clock.result(), parameters, form: "convolutions and derivatives by hand", version });
// Its workers never exit by themselves.
process.exit(0);
