"""Values and gradients of single ops over tens of numbers, float64, in full.

    python3 test/golden/ops.py > test/golden/ops.json

PyTorch 1.13.1 (Debian: python3-torch). Each case names its inputs by the formula of inputs.py, so a table-driven test
rebuilds them; `gradients` are those of sum(upstream * first output). Every gradient is also checked here against finite
differences (torch.autograd.gradcheck), except where maxima tie and there is no derivative.
"""

import torch
import torch.nn.functional as F

import inputs
from emit import emit


def shared_max_pool(x, size):
    """Max pooling, window = stride = size, whose tied maxima share the gradient equally (the rule of torch.amax)."""
    n, c, h, w = x.shape
    whole = x[:, :, : h // size * size, : w // size * size]  # rows and columns that fill no window are dropped
    return whole.reshape(n, c, h // size, size, w // size, size).amax(dim=(3, 5))


class Cases:
    """Collects cases; tags follow from the case's and the input's position."""

    def __init__(self):
        self.list = []

    def make(self, name, op, attributes, tensors, forward, differentiate, output="y", upstream=(1.0, 0.0)):
        """The next case, not yet in the list; also its differentiated inputs and the function of them.

        tensors: {name: (shape, scale, offset, rounding)}, the last three optional
        forward: takes tensors by name, gives {name: tensor}; the upstream gradient goes to `output`
        differentiate: names of the inputs whose gradients are wanted
        upstream: (scale, offset) of the upstream gradient
        """
        first_tag = inputs.OPS_TAG + 10 * len(self.list)
        specs = [inputs.spec(key, t[0], first_tag + i, *t[1:]) for i, (key, t) in enumerate(tensors.items())]
        values = {described["name"]: torch.from_numpy(inputs.build(described)) for described in specs}
        sources = [values[key].requires_grad_() for key in differentiate]
        results = forward(**values)
        upstream_spec = inputs.spec("upstream", results[output].shape, first_tag + 9, *upstream)
        gradient = torch.from_numpy(inputs.build(upstream_spec))
        gradients = torch.autograd.grad(results[output], sources, gradient)
        case = {
            "name": name,
            "op": op,
            "attributes": attributes,
            "inputs": specs,
            "upstream": upstream_spec,
            "outputs": [listed(key, tensor) for key, tensor in results.items()],
            "gradients": [listed(key, tensor) for key, tensor in zip(differentiate, gradients)],
        }
        return case, sources, lambda *changed: forward(**{**values, **dict(zip(differentiate, changed))})[output]

    def add(self, *arguments, **keywords):
        """Appends the case that `make` makes once finite differences agree with its gradients."""
        case, sources, function = self.make(*arguments, **keywords)
        assert torch.autograd.gradcheck(function, sources), case["name"]
        self.list.append(case)


def listed(name, tensor):
    return {"name": name, "shape": list(tensor.shape), "values": tensor.detach().reshape(-1).tolist()}


def convolutions(cases):
    for name, x, weight, stride, padding, bias in [
        ("3x3, padding 1", [2, 2, 4, 3], [3, 2, 3, 3], [1, 1], [1, 1], True),
        ("3x3, padding 1, no bias", [2, 2, 4, 3], [3, 2, 3, 3], [1, 1], [1, 1], False),
        ("3x3, stride 2, padding 1, odd sizes", [1, 2, 7, 5], [2, 2, 3, 3], [2, 2], [1, 1], True),
        ("3x3, stride 2, padding 1, last row unused", [1, 2, 6, 5], [2, 2, 3, 3], [2, 2], [1, 1], True),
        ("5x3, padding 2 and 1", [2, 1, 6, 4], [2, 1, 5, 3], [1, 1], [2, 1], True),
        ("1x1, stride 2", [2, 3, 5, 4], [2, 3, 1, 1], [2, 2], [0, 0], True),
        ("2x2, no padding", [1, 2, 4, 5], [3, 2, 2, 2], [1, 1], [0, 0], True),
    ]:
        tensors = {"x": (x,), "weight": (weight, 0.5), **({"bias": (weight[:1], 0.5)} if bias else {})}

        def forward(x, weight, bias=None, stride=stride, padding=padding):
            return {"y": F.conv2d(x, weight, bias, stride=stride, padding=padding)}

        attributes = {"stride": stride, "padding": padding}
        cases.add(f"conv2d {name}", "conv2d", attributes, tensors, forward, list(tensors))


def depthwise_convolutions(cases):
    for name, x, kernel, padding, bias in [
        ("3x3, padding 1", [2, 3, 4, 3], [3, 3], [1, 1], True),
        ("3x3, padding 1, no bias", [2, 3, 4, 3], [3, 3], [1, 1], False),
        ("5x3, padding 2 and 0", [1, 2, 6, 5], [5, 3], [2, 0], True),
        ("2x2, no padding", [2, 2, 3, 4], [2, 2], [0, 0], True),
    ]:
        channels = x[1]
        tensors = {
            "x": (x,),
            "weight": ([channels, 1, *kernel], 0.5),
            **({"bias": ([channels], 0.5)} if bias else {}),
        }

        def forward(x, weight, bias=None, padding=padding):
            return {"y": F.conv2d(x, weight, bias, padding=padding, groups=x.shape[1])}

        attributes = {"padding": padding}
        cases.add(f"depthwiseConv2d {name}", "depthwiseConv2d", attributes, tensors, forward, list(tensors))


def activations(cases):
    # From -6 to 6: both tails and the bend between them.
    cases.add("silu", "silu", {}, {"x": ([6, 8], 6.0)}, lambda x: {"y": F.silu(x)}, ["x"])


def max_pools(cases):
    for size, shape in [(2, [1, 2, 7, 5]), (3, [1, 2, 7, 5])]:
        attributes = {"kernel": [size, size], "stride": [size, size]}

        def forward(x, size=size):
            return {"y": F.max_pool2d(x, size)}

        name = f"maxPool2d {size}, sizes not divisible"
        cases.add(name, "maxPool2d", attributes, {"x": (shape,)}, forward, ["x"])
    for size, shape in [(2, [2, 2, 5, 4]), (3, [1, 2, 6, 7])]:
        attributes = {"kernel": [size, size], "stride": [size, size]}
        tensors = {"x": (shape, 1.5, 1.5, "floor")}  # only 0, 1 and 2: most windows tie

        def make(pool, size=size, attributes=attributes, tensors=tensors):
            name = f"maxPool2d {size}, ties"
            return cases.make(name, "maxPool2d", attributes, tensors, lambda x: {"y": pool(x, size)}, ["x"])[0]

        shared, first = make(shared_max_pool), make(F.max_pool2d)
        assert shared["outputs"] == first["outputs"] and shared["gradients"] != first["gradients"]
        cases.list.append({**shared, "firstGradients": first["gradients"]})


def batch_norms(cases):
    for name, shape, training in [
        ("training, 4 dimensions", [2, 3, 2, 3], True),
        ("training, 2 dimensions", [5, 3], True),
        ("evaluation, 4 dimensions", [2, 3, 2, 2], False),
        ("evaluation, 2 dimensions", [4, 3], False),
    ]:
        tensors = {
            "x": (shape, 2.0, 0.5),
            "weight": ([3], 0.5, 1.0),
            "bias": ([3], 0.5),
            "running_mean": ([3],),
            "running_var": ([3], 0.5, 1.0),
        }

        def forward(x, weight, bias, running_mean, running_var, training=training):
            mean, var = running_mean.clone(), running_var.clone()  # batch_norm writes to them
            y = F.batch_norm(x, mean, var, weight, bias, training=training, momentum=0.1, eps=1e-5)
            return {"y": y, **({"running_mean": mean, "running_var": var} if training else {})}

        attributes = {"training": training, "momentum": 0.1, "eps": 1e-5}
        cases.add(f"batchNorm {name}", "batchNorm", attributes, tensors, forward, ["x", "weight", "bias"])


def cross_entropies(cases):
    class_weights = [0.5, 2.0, 1.0, 0.25, 3.0]
    for smoothing, upstream, weights in [
        (0.0, 1.0, None),
        (0.2, 1.0, None),
        (0.2, -1.5, None),
        (0.0, 1.0, class_weights),
        (0.2, -1.5, class_weights),
    ]:
        tensors = {"logits": ([4, 5], 3.0), "labels": ([4], 2.5, 2.5, "floor")}  # labels 0 to 4

        def forward(logits, labels, smoothing=smoothing, weights=weights):
            weight = None if weights is None else torch.tensor(weights, dtype=logits.dtype)
            return {"loss": F.cross_entropy(logits, labels.long(), weight, label_smoothing=smoothing)}

        cases.add(
            f"crossEntropy smoothing {smoothing}, upstream {upstream}{', class weights' if weights else ''}",
            "crossEntropy",
            {"smoothing": smoothing, **({"classWeights": weights} if weights else {})},
            tensors,
            forward,
            ["logits"],
            output="loss",
            upstream=(0.0, upstream),
        )


def others(cases):
    for bias in (True, False):
        tensors = {"x": ([3, 4],), "weight": ([5, 4], 0.5), **({"bias": ([5], 0.5)} if bias else {})}
        cases.add(
            "linear" if bias else "linear, no bias",
            "linear",
            {},
            tensors,
            lambda x, weight, bias=None: {"y": F.linear(x, weight, bias)},
            list(tensors),
        )
    cases.add(
        "globalAveragePool",
        "globalAveragePool",
        {},
        {"x": ([2, 3, 4, 3],)},
        lambda x: {"y": F.adaptive_avg_pool2d(x, 1)},
        ["x"],
    )
    rate = 0.25
    cases.add(
        "dropout, given mask",
        "dropout",
        {"rate": rate},
        {"x": ([3, 8],), "mask": ([3, 8], 0.5, 1.25, "floor")},  # 1 with probability 0.75, else 0
        lambda x, mask: {"y": x * mask / (1 - rate)},
        ["x"],
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    cases = Cases()
    # Inputs follow from the position in the list: new groups go to the end.
    groups = [convolutions, max_pools, batch_norms, cross_entropies, others, depthwise_convolutions, activations]
    for group in groups:
        group(cases)
    emit({"cases": cases.list})
