/**
 * Compares tailor with its peers: the same networks, batch and images, in turn, in one run. See bench/peers/README.md.
 *
 *   npm run bench:peers -- [--only WORDS,...] [--peers NAME,...] [--pairs N] [--seconds S] [--json FILE] [--cost FOLDER]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { drawSvg, pngBytes } from "../../build/plots/node/render.js";
import { measure, PEERS } from "./contestant.js";
import { FIXED, measureCost } from "./cost.js";
import { writeData } from "./data.js";
import { CannotRun, describeMachine, installPeers, pytorchConfig } from "./machine.js";
import { costPlot } from "./plot.js";
import { groups } from "./rows.js";
import { printed, summarize } from "./summary.js";

const USAGE = `npm run bench:peers -- [options]

  --only WORDS,...   groups whose name has these words in a row: "train base", "infer", "resnet18 128"; default: all
  --peers NAME,...   of ${Object.keys(PEERS).join(", ")}; default: all
  --pairs N          rounds of every row, instead of 5 for the main rows and 3 for the others
  --seconds S        seconds that a measurement is timed for, instead of 3 and 1.5 (1 with --cost)
  --json FILE        everything that was found
  --cost FOLDER      instead of the rows: a step's cost against images, width and depth, drawn into FOLDER

Groups: ${groups()
  .map(({ name }) => name)
  .join(", ")}`;

const say = (line) => process.stderr.write(`${line}\n`);
const COST_PEERS = ["tailor", "pytorch"];
const COST_ROUNDS = 3;
/** Processor utilization by other processes above which the benchmark warns. */
const MAX_BUSY = 0.05;

try {
  await main(readOptions());
} catch (error) {
  if (!(error instanceof CannotRun)) throw error;
  say(`error: ${error.message}`);
  process.exitCode = 1;
}

async function main({ only, peers, pairs, seconds, json, cost }) {
  const started = performance.now();
  const chosen = groups()
    .filter(({ name }) => !only || only.some((words) => hasWords(name, words)))
    .map((group) => ({ ...group, contestants: group.contestants.filter(({ peer }) => peers.includes(peer)) }));
  const used = cost ? peers.filter((peer) => COST_PEERS.includes(peer)) : peers;
  if (used.length === 0) throw new CannotRun(`--cost measures ${COST_PEERS.join(" and ")} only`);
  const pytorch = used.includes("pytorch") ? pytorchConfig() : null;
  if (used.includes("jaxjs") || used.includes("tfjs")) installPeers(say);
  const data = await writeData(say);
  const machine = await describeMachine();
  const { busyShareBefore } = machine;
  if (busyShareBefore > MAX_BUSY) {
    say(`WARNING: others use ${(100 * busyShareBefore).toFixed(0)} % of this machine; figures made now mean nothing`);
  }
  const settings = { only, peers: used, pairs, seconds };
  const found = { date: new Date().toISOString(), machine, pytorch, settings };
  console.log(
    `${machine.cpu.model} (family ${machine.processor.family} model ${machine.processor.model}), ${machine.cpu.cores} cores, ${machine.processor.vector}; ${(100 * busyShareBefore).toFixed(0)} % in use before the start`,
  );
  console.log(
    `tailor ${machine.commit ?? machine.versions.tailor}, onnxruntime ${machine.versions.onnxruntime}, Node ${machine.versions.node}`,
  );
  if (pytorch) console.log(`PyTorch ${pytorch.version}\n${pytorch.config}`);

  if (cost)
    Object.assign(found, {
      cost: await costInto(cost, { rounds: pairs ?? COST_ROUNDS, seconds, peers: used, data, say }, machine),
    });
  else Object.assign(found, { groups: await rows(chosen, { pairs, seconds, data }) });
  const minutes = (performance.now() - started) / 60_000;
  if (json) writeFileSync(json, `${JSON.stringify({ ...found, minutes }, null, 2)}\n`);
  say(`${minutes.toFixed(1)} minutes`);
}

async function rows(chosen, { pairs, seconds, data }) {
  const results = [];
  for (const group of chosen) {
    const measured = group.contestants.map((contestant) => ({
      contestant: { ...contestant, rounds: pairs ?? contestant.rounds, seconds: seconds ?? contestant.seconds },
      measurements: [],
    }));
    const most = Math.max(0, ...measured.map(({ contestant }) => contestant.rounds));
    for (let round = 0; round < most; round++) {
      for (const { contestant, measurements } of measured) {
        // A contestant that failed once is skipped.
        if (round >= contestant.rounds || measurements.some(({ error }) => error)) continue;
        const measurement = await measure(group, contestant, data);
        measurements.push(measurement);
        const { peer, threads, lowering = "" } = contestant;
        const text = measurement.error ?? `${measurement.imagesPerSecond.toFixed(0)} images/s (${measurement.form})`;
        say(`${group.name}, round ${round + 1}, ${peer} ${lowering} threads ${threads}: ${text}`);
      }
    }
    const summary = summarize(group, measured);
    console.log(printed(summary).join("\n"));
    results.push({ ...group, contestants: measured, summary });
  }
  return results;
}

async function costInto(folder, options, machine) {
  const cost = await measureCost(options);
  const { cpu, commit } = machine;
  const note = `Medians of ${options.rounds} rounds in turn. ${cpu.model}, ${cpu.cores} cores; commit ${commit ?? "unknown"}.`;
  const svg = drawSvg(costPlot, { cost, fixed: FIXED, note });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "step-cost.svg"), svg);
  writeFileSync(join(folder, "step-cost.png"), pngBytes(svg));
  console.log(`${join(folder, "step-cost.svg")} and .png`);
  return cost;
}

/** Whole words: "base 1" is not in "train base 128". */
function hasWords(name, words) {
  return ` ${name} `.includes(` ${words} `);
}

function readOptions() {
  const list = (text) => text?.split(",").map((word) => word.trim());
  const text = { type: "string" };
  try {
    const { values } = parseArgs({
      options: {
        only: text,
        peers: text,
        pairs: text,
        seconds: text,
        json: text,
        cost: text,
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const peers = list(values.peers) ?? Object.keys(PEERS);
    const unknown = peers.find((peer) => !PEERS[peer]);
    if (unknown !== undefined) throw new Error(`there is no peer "${unknown}"`);
    const only = list(values.only);
    if (only && !groups().some(({ name }) => only.some((words) => hasWords(name, words)))) {
      throw new Error(`no group has "${values.only}" in its name`);
    }
    return {
      ...values,
      only,
      peers,
      pairs: number("pairs", values.pairs, true),
      seconds: number("seconds", values.seconds),
    };
  } catch (error) {
    say(`error: ${error.message}\n\n${USAGE}`);
    return process.exit(2);
  }
}

function number(name, typed, isWhole = false) {
  if (typed === undefined) return undefined;
  const value = Number(typed);
  if (!(value > 0) || (isWhole && !Number.isInteger(value))) {
    throw new Error(`--${name} must be a ${isWhole ? "whole " : ""}number above 0, got "${typed}"`);
  }
  return value;
}
