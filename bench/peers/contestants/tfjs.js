/**
 * TensorFlow.js (wasm) as a peer: training only, derivatives by hand, each in the fastest form that its kernels allow.
 * The package has no gradient of a convolution's weights; its kernels for the gradient of the input, for max-pool's and
 * for a product with a transposed matrix are plain loops, 3 to 25 times slower than the code here.
 */
import { mergeRelu } from "./merge-relu.js";
import { answer, batchAt, CLASSES, createClock, readData, readTask } from "./task.js";
import { startTfjs } from "./tfjs-start.js";

const NORM_MOMENTUM = 0.1;
const NORM_EPSILON = 1e-5;

const task = readTask();
const clock = createClock(task);
const data = readData(task);
const { tf, version } = await startTfjs(task.threads);
const network = mergeRelu(task.layers).map(layerOf);
const variables = network.flatMap(({ parameters = [] }) => parameters);
const optimizer = tf.train.adam(task.learningRate);

for (let step = 0; !clock.isDone(); step++) clock.tick(trainStep(batchAt(step, data, task)));
const parameters = variables.reduce((sum, { size }) => sum + size, 0);
answer({ ...clock.result(), parameters, form: "derivatives by hand", version });
// Its threads never exit by themselves.
process.exit(0);

function trainStep({ x, labels }) {
  return tf.tidy(() => {
    const tapes = [];
    let y = tf.tensor4d(x, [task.batch, 28, 28, 1]);
    for (const layer of network) {
      const result = layer.forward(y);
      tapes.push(result.back);
      y = result.y;
    }
    const { loss, gradient } = crossEntropy(y, labels);
    const gradients = {};
    let dy = gradient;
    for (let i = network.length - 1; i >= 0; i--) {
      const { dx, changes = [] } = tapes[i](dy, i > 0);
      changes.forEach((change, k) => {
        gradients[network[i].parameters[k].name] = change;
      });
      dy = dx;
    }
    optimizer.applyGradients(gradients);
    return loss.dataSync()[0];
  });
}

function crossEntropy(logits, labels) {
  const oneHot = new Float32Array(task.batch * CLASSES);
  labels.forEach((label, row) => {
    oneHot[row * CLASSES + label] = 1;
  });
  const targets = tf.tensor2d(oneHot, [task.batch, CLASSES]);
  const probabilities = tf.softmax(logits);
  const loss = tf.div(tf.sum(tf.mul(targets, tf.log(probabilities))), -task.batch);
  return { loss, gradient: tf.div(tf.sub(probabilities, targets), task.batch) };
}

function layerOf(layer) {
  const makers = { conv, norm, pool, flatten, dense, dropout };
  if (!makers[layer.kind]) throw new Error(`TensorFlow.js here has no ${layer.kind}`);
  return makers[layer.kind](layer);
}

/** Images are [N, H, W, C], weights [kernel, kernel, C, K]. */
function conv({ inputs, outputs, kernel, stride, bias, hasRelu }) {
  if (stride !== 1) throw new Error("TensorFlow.js here has no strided convolution");
  const weight = uniform([kernel, kernel, inputs, outputs], inputs * kernel ** 2);
  const added = bias ? [uniform([outputs], inputs * kernel ** 2)] : [];
  const border = Math.floor(kernel / 2);
  const padding = [
    [0, 0],
    [border, border],
    [border, border],
    [0, 0],
  ];
  const settings = { filter: weight, strides: 1, pad: "same", activation: hasRelu ? "relu" : "linear" };
  return {
    parameters: [weight, ...added],
    forward(x) {
      const y = tf.fused.conv2d({ x, ...settings, bias: added[0] });
      const back = (dy, wantsDx) => {
        const change = hasRelu ? gate(dy, y) : dy;
        // The image convolved with dy, batch and channels exchanged.
        const exchanged = [tf.transpose(x, [3, 1, 2, 0]), tf.transpose(change, [1, 2, 0, 3])];
        const weightChange = tf.transpose(tf.conv2d(...exchanged, 1, padding), [1, 2, 0, 3]);
        const turned = () => tf.transpose(tf.reverse(weight, [0, 1]), [0, 1, 3, 2]);
        return {
          changes: [weightChange, ...(bias ? [channelSum(change)] : [])],
          dx: wantsDx ? tf.conv2d(change, turned(), 1, "same") : undefined,
        };
      };
      return { y, back };
    },
  };
}

/** Batch norm, sums by a product with ones. dx = a dy + b x + c per channel. */
function norm({ channels, hasRelu }) {
  const weight = variable(tf.ones([channels]));
  const shift = variable(tf.zeros([channels]));
  const runningMean = tf.variable(tf.zeros([channels]), false);
  const runningVariance = tf.variable(tf.ones([channels]), false);
  const follow = (running, next) =>
    running.assign(tf.add(tf.mul(running, 1 - NORM_MOMENTUM), tf.mul(next, NORM_MOMENTUM)));
  return {
    parameters: [weight, shift],
    forward(x) {
      const count = x.size / channels;
      const mean = tf.div(channelSum(x), count);
      const variance = tf.sub(tf.div(channelSum(tf.mul(x, x)), count), tf.mul(mean, mean));
      follow(runningMean, mean);
      follow(runningVariance, tf.mul(variance, count / (count - 1)));
      const inverse = tf.rsqrt(tf.add(variance, NORM_EPSILON));
      const scale = tf.mul(weight, inverse);
      const moved = tf.add(tf.mul(x, scale), tf.sub(shift, tf.mul(mean, scale)));
      const y = hasRelu ? tf.relu(moved) : moved;
      const back = (dy) => {
        const change = hasRelu ? gate(dy, y) : dy;
        const sum = channelSum(change);
        const product = tf.mul(inverse, tf.sub(channelSum(tf.mul(change, x)), tf.mul(mean, sum)));
        const b = tf.div(tf.mul(tf.mul(scale, inverse), product), -count);
        const c = tf.sub(tf.div(tf.mul(scale, sum), -count), tf.mul(b, mean));
        return { dx: tf.add(tf.add(tf.mul(change, scale), tf.mul(x, b)), c), changes: [product, sum] };
      };
      return { y, back };
    },
  };
}

/** dy where y > 0, else 0. */
function gate(dy, y) {
  return tf.mul(dy, tf.step(y));
}

/** 2x2 max-pool. Tied maxima share the gradient. */
function pool() {
  return {
    forward(x) {
      const [n, height, width, channels] = x.shape;
      const y = tf.maxPool(x, 2, 2, "valid");
      const even = [2 * y.shape[1], 2 * y.shape[2]];
      const spread = (pooled) => tf.image.resizeNearestNeighbor(pooled, even);
      const back = (dy) => {
        const whole = tf.slice(x, [0, 0, 0, 0], [n, ...even, channels]);
        const isLargest = tf.cast(tf.greaterEqual(whole, spread(y)), "float32");
        const tied = tf.mul(tf.avgPool(isLargest, 2, 2, "valid"), 4);
        const dx = tf.mul(isLargest, spread(tf.div(dy, tied)));
        return {
          dx: tf.pad(dx, [
            [0, 0],
            [0, height - even[0]],
            [0, width - even[1]],
            [0, 0],
          ]),
        };
      };
      return { y, back };
    },
  };
}

function flatten() {
  return {
    forward: (x) => ({
      y: tf.reshape(x, [task.batch, x.size / task.batch]),
      back: (dy) => ({ dx: tf.reshape(dy, x.shape) }),
    }),
  };
}

function dense({ inputs, outputs, bias, hasRelu }) {
  const weight = uniform([inputs, outputs], inputs);
  const added = bias ? [uniform([outputs], inputs)] : [];
  return {
    parameters: [weight, ...added],
    forward(x) {
      const product = tf.matMul(x, weight);
      const moved = bias ? tf.add(product, added[0]) : product;
      const y = hasRelu ? tf.relu(moved) : moved;
      const back = (dy) => {
        const change = hasRelu ? gate(dy, y) : dy;
        return {
          changes: [tf.matMul(tf.transpose(x), change), ...(bias ? [channelSum(change)] : [])],
          dx: tf.matMul(change, tf.transpose(weight)),
        };
      };
      return { y, back };
    },
  };
}

function dropout({ rate }) {
  return {
    forward(x) {
      const mask = tf.dropout(tf.onesLike(x), rate);
      return { y: tf.mul(x, mask), back: (dy) => ({ dx: tf.mul(dy, mask) }) };
    },
  };
}

/** [..., C] -> [C] */
function channelSum(x) {
  const channels = x.shape.at(-1);
  const rows = x.size / channels;
  return tf.reshape(tf.matMul(tf.ones([1, rows]), tf.reshape(x, [rows, channels])), [channels]);
}

/** PyTorch's initialization. */
function uniform(shape, fanIn) {
  const bound = 1 / Math.sqrt(fanIn);
  return variable(tf.randomUniform(shape, -bound, bound));
}

function variable(initial) {
  return tf.variable(initial);
}
