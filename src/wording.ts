/**
 * How messages name what users can give. A program gives options by their names, the command line by flags; so a message
 * that tells someone to give an option is words with gaps, and whoever shows it fills them.
 */

/** Options that messages tell users to give, by their names in the library. */
export type OptionName =
  | "allowDifferent"
  | "allowHost"
  | "basePath"
  | "batchSize"
  | "channels"
  | "classNames"
  | "data"
  | "device"
  | "epochs"
  | "folds"
  | "force"
  | "format"
  | "host"
  | "image"
  | "labelFrom"
  | "learningRate"
  | "lowering"
  | "model"
  | "normalization"
  | "out"
  | "over"
  | "port"
  | "random"
  | "size"
  | "skipUnreadable"
  | "split"
  | "trainOn";

/** Fills the gaps of messages. */
export interface Wording {
  /** An option, with the value to give it where one is meant. */
  option(name: OptionName, value?: string | number): string;
  /**
   * What follows a sentence that tells what to do, where there is a command for it: a colon and the command.
   *
   * @param command with its arguments, `train base`
   */
  command(command: string, options: Readonly<Record<string, string | true>>): string;
}

/** A message, with gaps where it names options. */
export type Words = string | ((wording: Wording) => string);

/** Options by their names in the library, as code: "`batchSize`"; there are no commands. */
export const PLAIN: Wording = {
  option: (name, value) => (value === undefined ? `\`${name}\`` : `\`${name}\` ${value}`),
  command: () => "",
};

export function inWords(words: Words, wording: Wording = PLAIN): string {
  return typeof words === "string" ? words : words(wording);
}
