import { loadFashionMnist } from "../../data/sources/fashion-mnist.ts";
import { trainingData } from "../../data/training-data.ts";
import { count, table } from "../../report/format.ts";
import type { Command } from "../command.ts";
import { path } from "../parse.ts";

export const data: Command = {
  name: "data",
  summary: "fetch and check the data, and say where it is",
  arguments: [],
  options: [{ flags: "--data <folder>", description: "a folder with the four IDX files, as they are or as .gz" }],
  examples: ["node bin/tailor.js data", "node bin/tailor.js data --data ./mnist"],
  async run(_args, options, output) {
    const loaded = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
    const { train, validation } = trainingData(loaded.train, { trainOn: "split", limit: null });
    const split = { train: train.count, validation: validation?.count ?? 0, test: loaded.test.count };
    output.say(`${loaded.folder} (${loaded.verified ? "checksums as published" : "not the published files"})`);
    const rows = loaded.files.map(({ name, bytes, sha256 }) => [name, count(bytes), sha256]);
    for (const line of table([["file", "bytes", "SHA-256 of the uncompressed file"], ...rows])) output.say(line);
    output.say(
      `train ${count(split.train)}, validation ${count(split.validation)}, test ${count(split.test)} images of ${train.height}x${train.width}`,
    );
    output.say(`classes: ${train.classNames.join(", ")}`);
    output.result({
      source: loaded.source,
      folder: loaded.folder,
      verified: loaded.verified,
      files: loaded.files,
      classes: train.classNames,
      ...split,
    });
    return 0;
  },
};
