"""Goes on training a network that tailor exported, on as many processes and machines as there are.

    node bin/tailor.js export runs/best --format pytorch --out best-pytorch
    torchrun --nproc_per_node 2 docs/examples/continue_ddp.py best-pytorch --data ./fashion-mnist --out best.safetensors
    node bin/tailor.js import best.safetensors --out runs/continued

Needs torch 1.13 or later and numpy. Without torchrun it is one process. It trains on all training images, so only the
test images say how good the result is.
"""

import argparse
import gzip
import json
import os
import struct
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

DTYPES = {torch.float32: "F32", torch.int64: "I64"}


def read_idx(folder, name, header_bytes):
    """The bytes after an IDX file's header, from the file or its .gz."""
    path = folder / name
    content = path.read_bytes() if path.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    return torch.frombuffer(bytearray(content[header_bytes:]), dtype=torch.uint8)


def training_images(folder, image, limit):
    labels = read_idx(folder, "train-labels-idx1-ubyte", 8).long()
    pixels = read_idx(folder, "train-images-idx3-ubyte", 16).view(len(labels), *image)
    return TensorDataset(pixels[:limit], labels[:limit])


def write_safetensors(path, tensors, metadata):
    """What safetensors.torch.save_file(tensors, path, metadata) writes."""
    header, parts, end = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        parts.append(tensor.detach().cpu().contiguous().numpy().tobytes())
        begin, end = end, end + len(parts[-1])
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def join_group():
    """Joins the processes that torchrun started, or makes a group of this one. Returns the device to train on."""
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if "RANK" in os.environ:
        dist.init_process_group(backend)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if backend == "nccl" else torch.device("cpu")


def main():
    parser = argparse.ArgumentParser(description="Goes on training a network that tailor exported.")
    parser.add_argument("folder", type=Path, help="what `export --format pytorch` wrote")
    parser.add_argument("--data", type=Path, required=True, help="folder with the IDX files")
    parser.add_argument("--out", required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=128, help="of each process")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--limit", type=int, help="images to train on (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    sys.path.insert(0, str(args.folder.resolve()))
    import model as exported

    torch.manual_seed(args.seed)
    device = join_group()
    net = DistributedDataParallel(exported.load().train().to(device))
    images = training_images(args.data, exported.IMAGE, args.limit)
    sampler = DistributedSampler(images, seed=args.seed)
    loader = DataLoader(images, args.batch_size, sampler=sampler, drop_last=True)
    optimizer = torch.optim.AdamW(net.parameters(), args.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, max(2, args.epochs * len(loader)))

    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        for pixels, labels in loader:
            loss = F.cross_entropy(net(pixels.to(device)), labels.to(device), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if dist.get_rank() == 0:
            print(f"epoch {epoch + 1}/{args.epochs}: loss of the last batch {loss.item():.4f}")

    if dist.get_rank() == 0:
        write_safetensors(args.out, net.module.state_dict(), exported.METADATA)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
