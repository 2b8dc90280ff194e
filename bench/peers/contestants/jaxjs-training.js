/**
 * A network of jax-js with a training step, on whatever device the package was started with: derivatives by hand. Its own
 * convolutions are plain loops: for the second layer of base lax.conv takes 50 times as long (wasm) as the code here,
 * matrix products over shifted images.
 *
 * Images are [H, N, W, C]: rows of all images together, so that a shift by a row is only an offset. A convolution is
 * three products, one per kernel row, of [H N W, 3C] columns with [3C, K] weights. Every function consumes its
 * arguments, as the package requires; `.ref` keeps one.
 */
import { CLASSES, IMAGE_SIZE } from "../networks.js";
import { mergeRelu } from "./merge-relu.js";

const NORM_MOMENTUM = 0.1;
const NORM_EPSILON = 1e-5;
const KERNEL = 3;
const BETAS = [0.9, 0.999];
const ADAM_EPSILON = 1e-8;

/**
 * @param jax the package @param task as in task.js
 * @returns the number of parameters, and a function that does a step with a batch and returns its loss
 */
export function createTraining(jax, task) {
  const { numpy: np, nn, jit } = jax;

  const rowsFirst = jit((images) => images.transpose([1, 0, 2, 3]));
  const crossEntropy = jit((logits, targets) => {
    const logProbabilities = nn.logSoftmax(logits);
    const loss = np.sum(targets.ref.mul(logProbabilities.ref)).mul(-1 / task.batch);
    return [
      loss,
      np
        .exp(logProbabilities)
        .sub(targets)
        .mul(1 / task.batch),
    ];
  });
  /** dy where y > 0, else 0. */
  const gate = jit((dy, y) => np.where(np.greater(y, 0), dy, 0));
  const channelSum = jit((dy) => {
    const channels = dy.shape.at(-1);
    return np.sum(dy.reshape([-1, channels]), 0);
  });
  const moveOn = jit((weight, first, second, change, settings) => {
    const m = first.mul(BETAS[0]).add(change.ref.mul(1 - BETAS[0]));
    const v = second.mul(BETAS[1]).add(change.ref.mul(change).mul(1 - BETAS[1]));
    const [rate, epsilon] = [settings.ref.slice(0), settings.slice(1)];
    return [weight.sub(rate.mul(m.ref).div(np.sqrt(v.ref).add(epsilon))), m, v];
  });

  const network = mergeRelu(task.layers).map(layerOf);
  const parameters = network.flatMap(({ weights }) => weights.map(({ size }) => size)).reduce((a, b) => a + b);
  const slots = network.map(({ weights }) => ({ first: weights.map(zerosLike), second: weights.map(zerosLike) }));

  return { parameters, trainStep };

  async function trainStep(step, { x, labels }) {
    const tapes = [];
    let y = rowsFirst(np.array(x).reshape([task.batch, IMAGE_SIZE, IMAGE_SIZE, 1]));
    for (const layer of network) {
      const result = layer.forward(y);
      tapes.push(result.back);
      y = result.y;
    }
    const oneHot = new Float32Array(task.batch * CLASSES);
    labels.forEach((label, row) => {
      oneHot[row * CLASSES + label] = 1;
    });
    const [loss, gradient] = crossEntropy(y, np.array(oneHot).reshape([task.batch, CLASSES]));
    let dy = gradient;
    for (let i = network.length - 1; i >= 0; i--) {
      const { dx, changes } = tapes[i](dy, i > 0);
      adam(i, changes, step + 1);
      dy = dx;
    }
    await jax.blockUntilReady(network.flatMap(({ weights }) => weights.map(({ ref }) => ref)));
    return (await loss.data())[0];
  }

  function layerOf(layer) {
    const makers = { conv, norm, pool, flatten, dense, dropout };
    if (!makers[layer.kind]) throw new Error(`jax-js here has no ${layer.kind}`);
    return { weights: [], ...makers[layer.kind](layer) };
  }

  /** A convolution layer: three weights [3C, K], one per kernel row, and the bias. */
  function conv({ inputs, outputs, kernel, stride, bias, hasRelu }) {
    if (kernel !== KERNEL || stride !== 1) throw new Error(`jax-js here has no ${kernel}x${kernel} stride ${stride}`);
    const fanIn = inputs * KERNEL ** 2;
    const weights = Array.from({ length: KERNEL }, () => uniform([KERNEL * inputs, outputs], fanIn));
    if (bias) weights.push(uniform([outputs], fanIn));
    const columns = jit(columnsOf);
    const product = jit((columns, rows, ...added) => {
      const shape = [columns.shape[0] - 2, ...columns.shape.slice(1, 3), outputs];
      const sum = sumOfProducts(columns, rows).reshape(shape);
      const y = added.length ? sum.add(added[0]) : sum;
      return hasRelu ? nn.relu(y) : y;
    });
    const weightChange = jit((columns, dy) => {
      const flat = dy.reshape([-1, outputs]);
      const changes = [0, 1, 2].map((row) => np.matmul(shifted(columns.ref, row).transpose(), flat.ref));
      columns.dispose();
      flat.dispose();
      return changes;
    });
    const turned = jit((rows) =>
      rows.reverse().map((row) => {
        const parts = np.flip(row.reshape([KERNEL, inputs, outputs]), 0);
        return parts.transpose([0, 2, 1]).reshape([KERNEL * outputs, inputs]);
      }),
    );
    const inputColumns = jit(columnsOf);
    const inputProduct = jit((columns, rows) => {
      const shape = [columns.shape[0] - 2, ...columns.shape.slice(1, 3), inputs];
      return sumOfProducts(columns, rows).reshape(shape);
    });
    const layer = { weights };
    const rows = () => layer.weights.slice(0, KERNEL).map(({ ref }) => ref);
    layer.forward = (x) => {
      const kept = columns(x);
      const y = product(kept.ref, rows(), ...layer.weights.slice(KERNEL).map(({ ref }) => ref));
      const passed = hasRelu ? y.ref : undefined;
      const back = (dy, wantsDx) => {
        const change = hasRelu ? gate(dy, passed) : dy;
        const changes = weightChange(kept, change.ref);
        if (bias) changes.push(channelSum(change.ref));
        const dx = wantsDx ? inputProduct(inputColumns(change.ref), turned(rows())) : undefined;
        change.dispose();
        return { dx, changes };
      };
      return { y, back };
    };
    return layer;
  }

  /** [H, N, W, C] -> [H + 2, N, W, 3C]: each pixel with its neighbours left and right, below and above a row of zeros. */
  function columnsOf(x) {
    const [height, images, width, channels] = x.shape;
    const [tall, wide] = [height + 2, width + 2];
    const padded = np.pad(x, [
      [1, 1],
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
    // A row is repeated, then cut into lengths of one pixel more, so that each begins one pixel later.
    const again = np.broadcastTo(padded.reshape([tall, images, 1, wide, channels]), [tall, images, 4, wide, channels]);
    const long = again.reshape([tall, images, 4 * wide, channels]).slice([], [], [0, KERNEL * (wide + 1)], []);
    const cut = long.reshape([tall, images, KERNEL, wide + 1, channels]).slice([], [], [], [0, width], []);
    return cut.transpose([0, 1, 3, 2, 4]).reshape([tall, images, width, KERNEL * channels]);
  }

  /** The columns that one kernel row reads: [H N W, 3C]. */
  function shifted(columns, row) {
    const [tall, , , depth] = columns.shape;
    return columns.slice([row, row + tall - 2], [], [], []).reshape([-1, depth]);
  }

  function sumOfProducts(columns, rows) {
    const products = rows.map((weight, row) => np.matmul(shifted(columns.ref, row), weight));
    columns.dispose();
    return products.reduce((sum, product) => sum.add(product));
  }

  /** Batch norm. dx = a dy + b x + c per channel. Running statistics are updated as in PyTorch. */
  function norm({ channels, hasRelu }) {
    let running = [np.zeros([channels]), np.ones([channels])];
    const statistics = jit((x, runningMean, runningVariance) => {
      const flat = x.reshape([-1, channels]);
      const count = flat.shape[0];
      const mean = np.sum(flat.ref, 0).mul(1 / count);
      const variance = np
        .sum(flat.ref.mul(flat), 0)
        .mul(1 / count)
        .sub(mean.ref.mul(mean.ref));
      const follow = (old, next) => old.mul(1 - NORM_MOMENTUM).add(next.mul(NORM_MOMENTUM));
      const unbiased = variance.ref.mul(count / (count - 1));
      const inverse = np.reciprocal(np.sqrt(variance.add(NORM_EPSILON)));
      return [mean.ref, inverse, follow(runningMean, mean), follow(runningVariance, unbiased)];
    });
    const normalize = jit((x, mean, inverse, weight, shift) => {
      const scale = weight.mul(inverse);
      const y = x.mul(scale.ref).add(shift.sub(mean.mul(scale)));
      return hasRelu ? nn.relu(y) : y;
    });
    const sums = jit((dy, x) => {
      const flat = dy.reshape([-1, channels]);
      return [np.sum(flat.ref, 0), np.sum(flat.mul(x.reshape([-1, channels])), 0)];
    });
    const change = jit((dy, x, mean, inverse, weight, sum, product) => {
      const count = x.size / channels;
      const weightChange = inverse.ref.mul(product.sub(mean.ref.mul(sum.ref)));
      const scale = weight.mul(inverse.ref);
      const b = scale.ref
        .mul(inverse)
        .mul(weightChange.ref)
        .mul(-1 / count);
      const c = scale.ref
        .mul(sum.ref)
        .mul(-1 / count)
        .sub(b.ref.mul(mean));
      return [dy.mul(scale).add(x.mul(b)).add(c), weightChange, sum];
    });
    const layer = { weights: [np.ones([channels]), np.zeros([channels])] };
    layer.forward = (x) => {
      const [mean, inverse, ...followed] = statistics(x.ref, ...running);
      running = followed;
      const y = normalize(x.ref, mean.ref, inverse.ref, ...layer.weights.map(({ ref }) => ref));
      const passed = hasRelu ? y.ref : undefined;
      const back = (dy) => {
        const gated = hasRelu ? gate(dy, passed) : dy;
        const [sum, product] = sums(gated.ref, x.ref);
        const [dx, ...changes] = change(gated, x, mean, inverse, layer.weights[0].ref, sum, product);
        return { dx, changes };
      };
      return { y, back };
    };
    return layer;
  }

  /** 2x2 max-pool. Tied maxima share the gradient. */
  function pool() {
    const windows = (x) => {
      const [height, images, width, channels] = x.shape;
      const [rows, columns] = [Math.floor(height / 2), Math.floor(width / 2)];
      return x.slice([0, 2 * rows], [], [0, 2 * columns], []).reshape([rows, 2, images, columns, 2, channels]);
    };
    const spread = (pooled) => {
      const [rows, images, columns, channels] = pooled.shape;
      return pooled.reshape([rows, 1, images, columns, 1, channels]);
    };
    const largest = jit((x) => np.max(windows(x), [1, 4]));
    const change = jit((x, y, dy) => {
      const [height, , width] = x.shape;
      const isLargest = np.equal(windows(x), spread(y)).astype(np.float32);
      const share = dy.div(np.sum(isLargest.ref, [1, 4]));
      const [rows, , images, columns, , channels] = isLargest.shape;
      const dx = isLargest.mul(spread(share)).reshape([2 * rows, images, 2 * columns, channels]);
      return np.pad(dx, [
        [0, height - 2 * rows],
        [0, 0],
        [0, width - 2 * columns],
        [0, 0],
      ]);
    });
    return {
      forward(x) {
        const y = largest(x.ref);
        const kept = y.ref;
        return { y, back: (dy) => ({ dx: change(x, kept, dy), changes: [] }) };
      },
    };
  }

  function flatten({ channels, size }) {
    const there = jit((x) => x.transpose([1, 0, 2, 3]).reshape([task.batch, size * size * channels]));
    const back = jit((dy) => dy.reshape([task.batch, size, size, channels]).transpose([1, 0, 2, 3]));
    return { forward: (x) => ({ y: there(x), back: (dy) => ({ dx: back(dy), changes: [] }) }) };
  }

  function dense({ inputs, outputs, bias, hasRelu }) {
    const product = jit((x, weight, ...added) => {
      const y = np.matmul(x, weight);
      const moved = added.length ? y.add(added[0]) : y;
      return hasRelu ? nn.relu(moved) : moved;
    });
    const weightChange = jit((x, dy) => np.matmul(x.transpose(), dy));
    const inputChange = jit((dy, weight) => np.matmul(dy, weight.transpose()));
    const layer = { weights: [uniform([inputs, outputs], inputs), ...(bias ? [uniform([outputs], inputs)] : [])] };
    layer.forward = (x) => {
      const y = product(x.ref, ...layer.weights.map(({ ref }) => ref));
      const passed = hasRelu ? y.ref : undefined;
      const back = (dy) => {
        const change = hasRelu ? gate(dy, passed) : dy;
        const changes = [weightChange(x, change.ref)];
        if (bias) changes.push(channelSum(change.ref));
        return { dx: inputChange(change, layer.weights[0].ref), changes };
      };
      return { y, back };
    };
    return layer;
  }

  function dropout({ rate, features }) {
    const scaled = jit((x, mask) => x.mul(mask));
    return {
      forward(x) {
        const kept = Float32Array.from({ length: task.batch * features }, () =>
          Math.random() < rate ? 0 : 1 / (1 - rate),
        );
        const mask = np.array(kept).reshape([task.batch, features]);
        return { y: scaled(x, mask.ref), back: (dy) => ({ dx: scaled(dy, mask), changes: [] }) };
      },
    };
  }

  /** Updates the weights of one layer. */
  function adam(layer, changes, step) {
    if (changes.length === 0) return;
    const rate = (task.learningRate * Math.sqrt(1 - BETAS[1] ** step)) / (1 - BETAS[0] ** step);
    const epsilon = ADAM_EPSILON * Math.sqrt(1 - BETAS[1] ** step);
    const { first, second } = slots[layer];
    const settings = () => np.array(Float32Array.of(rate, epsilon));
    changes.forEach((change, i) => {
      const { weights } = network[layer];
      [weights[i], first[i], second[i]] = moveOn(weights[i], first[i], second[i], change, settings());
    });
  }

  /** PyTorch's initialization. */
  function uniform(shape, fanIn) {
    const bound = 1 / Math.sqrt(fanIn);
    const size = shape.reduce((product, axis) => product * axis, 1);
    return np.array(Float32Array.from({ length: size }, () => (2 * Math.random() - 1) * bound)).reshape(shape);
  }

  function zerosLike({ shape }) {
    return np.zeros(shape);
  }
}
