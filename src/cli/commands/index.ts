import type { Command } from "../command.ts";

/** Every command: name and summary for the help, and a function that loads its file on use. */
export const COMMANDS: readonly { name: string; summary: string; load: () => Promise<Command> }[] = [
  {
    name: "study",
    summary: "train Base and Enhanced, test, plot, compare, and write the report",
    load: async () => (await import("./study.ts")).study,
  },
  {
    name: "train",
    summary: "train a recipe into a run folder, or resume a run",
    load: async () => (await import("./train.ts")).train,
  },
  {
    name: "evaluate",
    summary: "test a finished run: accuracy, per class, confusion, calibration",
    load: async () => (await import("./evaluate.ts")).evaluate,
  },
  {
    name: "report",
    summary: "make the page about a run: results, figures, mistakes, configuration",
    load: async () => (await import("./report.ts")).report,
  },
  {
    name: "compare",
    summary: "compare runs, with each other and with published results",
    load: async () => (await import("./compare.ts")).compare,
  },
  {
    name: "predict",
    summary: "classify images: files, folders, standard input",
    load: async () => (await import("./predict.ts")).predict,
  },
  {
    name: "serve",
    summary: "answer predictions over HTTP, and show runs on a page",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "export",
    summary: "write a run's network for other programs: ONNX, safetensors, PyTorch",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  {
    name: "import",
    summary: "import external weights as a run",
    load: async () => (await import("./import.ts")).importCommand,
  },
  {
    name: "ablate",
    summary: "measure the effect of each technique, added or removed one at a time",
    load: async () => (await import("./ablate.ts")).ablate,
  },
  {
    name: "sweep",
    summary: "try other values of a recipe's fields and rank them by validation accuracy",
    load: async () => (await import("./sweep.ts")).sweep,
  },
  {
    name: "lr-find",
    summary: "find a learning rate for a recipe: a short training with a rising rate, and its figure",
    load: async () => (await import("./lr-find.ts")).lrFind,
  },
  {
    name: "race",
    summary: "measure the training time until a test accuracy, show the board of results, repeat a result",
    load: async () => (await import("./race.ts")).race,
  },
  {
    name: "merge",
    summary: "put the shards of an experiment together",
    load: async () => (await import("./merge.ts")).merge,
  },
  {
    name: "worker",
    summary: "train the runs that a queue has, for experiments on several machines",
    load: async () => (await import("./worker.ts")).worker,
  },
  {
    name: "queue",
    summary: "show, pause, resume or empty a queue",
    load: async () => (await import("./queue.ts")).queue,
  },
  {
    name: "summary",
    summary: "show a model's layers, parameters and multiply-adds",
    load: async () => (await import("./summary.ts")).summary,
  },
  {
    name: "data",
    summary: "fetch and check the data; inspect a folder of your own, find duplicates and doubtful labels",
    load: async () => (await import("./data.ts")).data,
  },
  {
    name: "bench",
    summary: "measure speed and memory of training or inference, and the share of the machine's peak",
    load: async () => (await import("./bench.ts")).bench,
  },
];
