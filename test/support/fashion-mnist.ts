import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";

let loaded: ReturnType<typeof loadFashionMnist> | undefined;

/** Fashion-MNIST, read and checked once for all test files of a worker. */
export function fashionMnist(): ReturnType<typeof loadFashionMnist> {
  loaded ??= loadFashionMnist();
  return loaded;
}
